import { request } from 'node:https';
import type { ApiAccess } from './service-account.ts';

/** What the API server said. */
export interface ApiAnswer {
  readonly status: number;
  /** The reason it gives for a refusal (`message` of its Status); empty for a success. */
  readonly message: string;
}

const REQUEST_MS = 5_000;
/** More of an answer is not read. */
const MAX_ANSWER_BYTES = 16_384;

/**
 * Sends JSON to the API server over TLS, whose certificate is checked. Rejects with the system's error when there is no
 * answer within five seconds.
 */
export function sendToApi(
  { host, port, ca, token }: ApiAccess,
  method: 'POST' | 'PATCH',
  path: string,
  body: unknown,
): Promise<ApiAnswer> {
  const type = method === 'POST' ? 'application/json' : 'application/merge-patch+json';
  const headers = { authorization: `Bearer ${token}`, 'content-type': type, accept: 'application/json' };
  const signal = AbortSignal.timeout(REQUEST_MS);
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, ca, method, path, headers, signal, agent: false }, (response) => {
      let text = '';
      const done = () =>
        resolve({ status: response.statusCode ?? 0, message: messageOf(response.statusCode ?? 0, text) });
      response.setEncoding('utf8');
      response.on('data', (piece: string) => {
        text += piece;
        if (text.length <= MAX_ANSWER_BYTES) return;
        done();
        response.destroy();
      });
      response.on('end', done);
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}

function messageOf(status: number, text: string): string {
  if (status < 300) return '';
  try {
    return String(JSON.parse(text).message).slice(0, 300);
  } catch {
    return `status ${status}`;
  }
}
