const STARS = '***';
/** Name and password before the host of a URL (RFC 3986 §3.2.1). */
const USER_INFO = /(:\/\/)[^\s/?#@]*@/g;
/** A parameter of a path segment, such as `;jsessionid=…` (RFC 3986 §3.3). */
const PATH_PARAMETER = /(;[^\s=;/?]*=)[^\s;/?]*/g;
/** The query of a request line, to the protocol's name: whoever writes a space into it does not end it. */
const QUERY_OF_REQUEST = /\?(.*?)(?=(?: HTTP\/[0-9.]+)?$)/s;
/** A query somewhere in a text. */
const QUERY = /\?([^\s"'<>]*)/g;

/** A request line as it may be shown: names of its query stay, values become stars. */
export function maskedRequestLine(line: string): string {
  const [beforeQuery = ''] = line.split('?', 1);
  const path = beforeQuery.replace(USER_INFO, `$1${STARS}@`).replace(PATH_PARAMETER, `$1${STARS}`);
  return path + line.slice(beforeQuery.length).replace(QUERY_OF_REQUEST, (_, query: string) => maskedQuery(query));
}

/** A header line as it may be shown: the same in the URLs that it names. */
export function maskedUrls(line: string): string {
  return line.replace(USER_INFO, `$1${STARS}@`).replace(QUERY, (_, query: string) => maskedQuery(query));
}

function maskedQuery(query: string): string {
  const parts = query.split(/([&;])/).map((part) => {
    if (part === '&' || part === ';' || part === '') return part;
    const equals = part.indexOf('=');
    return equals < 0 ? STARS : `${part.slice(0, equals + 1)}${STARS}`;
  });
  return `?${parts.join('')}`;
}
