import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nearestWord } from '../../src/config/edit-distance.ts';
import { type EnvFileResult, parseEnvFile } from '../../src/config/parse-env-file.ts';
import { formatProblem } from '../../src/config/problem.ts';
import { parseProcessSettings } from '../../src/config/process-settings.ts';
import {
  DEFAULT_SETTINGS,
  describeChanges,
  SETTING_NAMES,
  SETTINGS,
  type Settings,
} from '../../src/config/settings.ts';
import { MEBIBYTE } from '../../src/model/mebibyte.ts';

const PATH = '/etc/dllt/dlltagent_searchpod';

function parse(text: string, environment: Record<string, string> = {}): EnvFileResult {
  return parseEnvFile(text, PATH, environment, (expression) => (expression === 'tpc' ? 'syntax error' : null));
}

function lines(result: EnvFileResult): string[] {
  return result.problems.map((problem) => `${problem.severity}: ${formatProblem(problem)}`);
}

const values = suite('values');

values('an empty file gives the documented defaults', () => {
  const { settings, problems } = parse('');
  assert.equal(problems, []);
  assert.equal(settings, {
    searchHttpHeader: '',
    followPort: 0,
    interfaceIndex: null,
    avoidLivenessProbe: '',
    useEbpf: false,
    mejorEquipo: 'Talleres',
    author: 'rodolk',
    podName: '',
    podNamespace: '',
    podUid: '',
    podAddresses: [],
    podInterface: '',
    nodeName: '',
    pcapFilter: 'tcp or icmp or icmp6 or udp port 53',
    eventsForTlsConnections: true,
    eventsForDns: true,
    noEventHttpsClientSslShutdown: true,
    noEventHttpClientReset: true,
    eventThrottle: true,
    kubernetesEvents: false,
    followSeconds: 30,
    dnsSeconds: 2,
    halfOpenSeconds: 30,
    staleSeconds: 180,
    stale2Seconds: 600,
    resetAbnormalCount: 20,
    resetAbnormalSeconds: 60,
    lossPercent: 5,
    zeroWindowSeconds: 5,
    slowMs: 0,
    captureBackend: 'auto',
    ringMb: 16,
    bufferMb: 128,
    maxLogMb: 1024,
    maxPcaps: 10000,
    minFreeMb: 512,
    maxConnections: 1_000_000,
    captureSide: 'auto',
    pcapFormat: 'pcap',
    pcapPayloadBytes: Number.POSITIVE_INFINITY,
    maskHttpHeaders: ['Authorization', 'Cookie', 'Set-Cookie', 'Proxy-Authorization'],
    logLevel: 'info',
  });
});

const USABLE: readonly (readonly [string, Partial<Settings>])[] = [
  ['SEARCH_HTTP_HEADER=X-Pepe: 42', { searchHttpHeader: 'X-Pepe: 42' }],
  ['SEARCH_HTTP_HEADER="X-Pepe # 42" # why', { searchHttpHeader: 'X-Pepe # 42' }],
  ['export FOLLOW_PORT=65535', { followPort: 65_535 }],
  ['FOLLOW_PORT=0', { followPort: 0 }],
  ['INTERFACE_INDEX_SNIF=5', { interfaceIndex: 5 }],
  ['INTERFACE_INDEX_SNIF=auto', { interfaceIndex: 'auto' }],
  ['AVOID_LIVENESS_PROBE=kube-probe/', { avoidLivenessProbe: 'kube-probe/' }],
  ['USE_EBPF=Y', { useEbpf: true }],
  ['EVENT_THROTTLE=n', { eventThrottle: false }],
  ['POD_IP=10.0.0.7, fd00::7', { podAddresses: ['10.0.0.7', 'fd00::7'] }],
  ['PCAP_FILTER=tcp and not port 22', { pcapFilter: 'tcp and not port 22' }],
  ['CAPTURE_BACKEND=cap', { captureBackend: 'cap' }],
  ['CAPTURE_SIDE=pod', { captureSide: 'pod' }],
  ['MAX_CONNECTIONS=4000000', { maxConnections: 4_000_000 }],
  ['PCAP_FORMAT=PcapNG', { pcapFormat: 'pcapng' }],
  ['PCAP_PAYLOAD_BYTES=64', { pcapPayloadBytes: 64 }],
  ['PCAP_PAYLOAD_BYTES=all', {}],
  ['MASK_HTTP_HEADERS=', { maskHttpHeaders: [] }],
  ['MASK_HTTP_HEADERS=Cookie,X-Key', { maskHttpHeaders: ['Cookie', 'X-Key'] }],
  ['LOG_LEVEL=debug', { logLevel: 'debug' }],
  ['FOLLOW_PORT=\nPCAP_FILTER=\nRING_MB=', {}],
  ['AUTHOR=rodolk\nMEJOR_EQUIPO=Talleres', {}],
  ['\uFEFFFOLLOW_PORT=80\r\nRING_MB=8\r\n', { followPort: 80, ringMb: 8 }],
];

for (const [text, want] of USABLE) {
  values(`can be used: ${JSON.stringify(text)}`, () => {
    const result = parse(text);
    assert.equal(lines(result), []);
    assert.equal(result.settings, { ...DEFAULT_SETTINGS, ...want });
  });
}

values('a missing key comes from the environment, and only then from the default', () => {
  const { settings } = parse('FOLLOW_PORT=80\nRING_MB=', { FOLLOW_PORT: '81', RING_MB: '32', LOG_LEVEL: 'warn' });
  assert.is(settings?.followPort, 80);
  assert.is(settings?.ringMb, 32);
  assert.is(settings?.logLevel, 'warn');
});

values('a text that is empty in the file is off, whatever the environment says', () => {
  assert.is(parse('SEARCH_HTTP_HEADER=', { SEARCH_HTTP_HEADER: 'X-Pepe' }).settings?.searchHttpHeader, '');
});

values.run();

const problems = suite('problems');

const SECONDS = 'allowed is a whole number from 1 to 86400';
const MARK = `(${PATH}, line 1)`;
const UNUSABLE: readonly (readonly [string, string])[] = [
  ['FOLLOW_PORT=70000', `FOLLOW_PORT="70000" ${MARK}: allowed is a whole number from 0 to 65535`],
  ['FOLLOW_PORT=-1', `FOLLOW_PORT="-1" ${MARK}: allowed is a whole number from 0 to 65535`],
  ['FOLLOW_PORT=80.5', `FOLLOW_PORT="80.5" ${MARK}: allowed is a whole number from 0 to 65535`],
  ['FOLLOW_PORT=0x50', `FOLLOW_PORT="0x50" ${MARK}: allowed is a whole number from 0 to 65535`],
  ['FOLLOW_PORT=http', `FOLLOW_PORT="http" ${MARK}: allowed is a whole number from 0 to 65535`],
  ['USE_EBPF=maybe', `USE_EBPF="maybe" ${MARK}: allowed is Y or N`],
  ['EVENTS_FOR_TLS_CONNECTIONS=1', `EVENTS_FOR_TLS_CONNECTIONS="1" ${MARK}: allowed is Y or N`],
  ['NO_EVENT_HTTPS_CLIENT_SSL_SHUTDOWN=yes', `NO_EVENT_HTTPS_CLIENT_SSL_SHUTDOWN="yes" ${MARK}: allowed is Y or N`],
  ['NO_EVENT_HTTP_CLIENT_RESET=true', `NO_EVENT_HTTP_CLIENT_RESET="true" ${MARK}: allowed is Y or N`],
  ['EVENT_THROTTLE=0', `EVENT_THROTTLE="0" ${MARK}: allowed is Y or N`],
  [
    'INTERFACE_INDEX_SNIF=0',
    `INTERFACE_INDEX_SNIF="0" ${MARK}: allowed is a whole number from 1 to 2147483647, or auto`,
  ],
  [
    'INTERFACE_INDEX_SNIF=eth0',
    `INTERFACE_INDEX_SNIF="eth0" ${MARK}: allowed is a whole number from 1 to 2147483647, or auto`,
  ],
  ['POD_IP=10.0.0', `POD_IP="10.0.0" ${MARK}: allowed is IPv4 or IPv6 addresses, separated by commas`],
  ['PCAP_FILTER=tpc', `PCAP_FILTER="tpc" ${MARK}: allowed is a filter in pcap-filter(7) syntax: syntax error`],
  ['FOLLOW_SECONDS=90000', `FOLLOW_SECONDS="90000" ${MARK}: allowed is a whole number from 0 to 86400`],
  ['HALF_OPEN_SECONDS=0', `HALF_OPEN_SECONDS="0" ${MARK}: ${SECONDS}`],
  ['STALE_SECONDS=3m', `STALE_SECONDS="3m" ${MARK}: ${SECONDS}`],
  ['STALE2_SECONDS=0', `STALE2_SECONDS="0" ${MARK}: ${SECONDS}`],
  ['RESET_ABNORMAL_COUNT=0', `RESET_ABNORMAL_COUNT="0" ${MARK}: allowed is a whole number from 1 to 1000000`],
  ['RESET_ABNORMAL_SECONDS=0', `RESET_ABNORMAL_SECONDS="0" ${MARK}: ${SECONDS}`],
  ['CAPTURE_BACKEND=pcap', `CAPTURE_BACKEND="pcap" ${MARK}: allowed is ring, cap or auto`],
  ['CAPTURE_SIDE=both', `CAPTURE_SIDE="both" ${MARK}: allowed is host, pod or auto`],
  ['RING_MB=0', `RING_MB="0" ${MARK}: allowed is a whole number from 1 to 1024`],
  ['BUFFER_MB=0', `BUFFER_MB="0" ${MARK}: allowed is a whole number from 1 to 65536`],
  ['MAX_LOG_MB=0', `MAX_LOG_MB="0" ${MARK}: allowed is a whole number from 1 to 1048576`],
  ['MIN_FREE_MB=x', `MIN_FREE_MB="x" ${MARK}: allowed is a whole number from 0 to 1048576`],
  ['MAX_CONNECTIONS=999', `MAX_CONNECTIONS="999" ${MARK}: allowed is a whole number from 1000 to 4000000`],
  ['PCAP_FORMAT=cap', `PCAP_FORMAT="cap" ${MARK}: allowed is pcap or pcapng`],
  ['PCAP_PAYLOAD_BYTES=none', `PCAP_PAYLOAD_BYTES="none" ${MARK}: allowed is a whole number from 0 to 262144, or all`],
  [
    'MASK_HTTP_HEADERS=Cookie;X',
    `MASK_HTTP_HEADERS="Cookie;X" ${MARK}: allowed is names of HTTP headers, separated by commas`,
  ],
  ['LOG_LEVEL=trace', `LOG_LEVEL="trace" ${MARK}: allowed is error, warn, info or debug`],
  [
    'SEARCH_HTTP_HEADER="a\nb"',
    `SEARCH_HTTP_HEADER="a\\nb" ${MARK}: allowed is up to 1024 bytes of text without control characters`,
  ],
  [
    'AVOID_LIVENESS_PROBE=x-pepe\nSEARCH_HTTP_HEADER=X-Pepe',
    `AVOID_LIVENESS_PROBE="x-pepe" ${MARK}: allowed is a text other than that of SEARCH_HTTP_HEADER, which would never be reported`,
  ],
];

for (const [text, want] of UNUSABLE) {
  problems(`cannot be used: ${JSON.stringify(text)}`, () => {
    const result = parse(text);
    assert.equal(lines(result), [`error: Cannot use ${want}`]);
    assert.is(result.settings, null);
  });
}

problems('every key that does not take any text refuses one that means nothing', () => {
  const free = ['SEARCH_HTTP_HEADER', 'AVOID_LIVENESS_PROBE', 'MEJOR_EQUIPO', 'AUTHOR', 'POD_NAME', 'POD_NAMESPACE'];
  free.push('POD_UID', 'POD_INTERFACE', 'NODE_NAME', 'PCAP_FILTER');
  for (const { key } of SETTING_NAMES.map((name) => SETTINGS[name])) {
    const accepted = parse(`${key}="(nothing)"`).settings !== null;
    assert.is(accepted, free.includes(key), key);
  }
});

problems('all mistakes are told at once, each with its line', () => {
  const text = '# settings\n\nFOLLOW_PORT=70000\nRING_MB=8\n\nUSE_EBPF=maybe\n';
  assert.equal(
    parse(text).problems.map(({ key, line }) => [key, line]),
    [
      ['FOLLOW_PORT', 3],
      ['USE_EBPF', 6],
    ],
  );
});

problems('a file that is something else has a few warnings and their number, not one on every line', () => {
  const untold = (count: number) =>
    `warning: "…" (${PATH}): ${count} more lines and keys are of no use; is it the right file?`;
  const prose = lines(parse('not a setting\n'.repeat(100)));
  assert.is(prose.length, 21);
  assert.match(prose[19], 'line 20');
  assert.is(prose[20], untold(80));
  const keys = Array.from({ length: 30 }, (_, i) => `SHOE_SIZE_${i}=44\n`).join('');
  assert.equal(lines(parse(keys)).slice(20), [untold(10)]);
  assert.is(lines(parse(`${'not a setting\n'.repeat(10)}${keys}`)).at(-1), untold(20));
  assert.is(
    lines(parse(`not a setting\n${keys}FOLLOW_PORT=x`))
      .at(-1)
      ?.slice(0, 29),
    'error: Cannot use FOLLOW_PORT',
  );
});

problems('lines are counted through values of several lines', () => {
  const text = 'POD_NAME="a\nFOLLOW_PORT=1\n"\nFOLLOW_PORT=70000';
  assert.equal(
    parse(text).problems.map(({ key, line }) => [key, line]),
    [
      ['FOLLOW_PORT', 4],
      ['POD_NAME', 1],
    ],
  );
});

problems('a value of the environment is named as such', () => {
  assert.equal(lines(parse('', { RING_MB: 'big' })), [
    'error: Cannot use RING_MB="big" (environment): allowed is a whole number from 1 to 1024',
  ]);
});

const WARNINGS: readonly (readonly [string, string])[] = [
  ['FOLOW_PORT=80', `FOLOW_PORT ${MARK}: there is no such key; FOLLOW_PORT is the nearest`],
  ['follow_port=80', `follow_port ${MARK}: there is no such key; FOLLOW_PORT is the nearest`],
  ['SHOE_SIZE=44', `SHOE_SIZE ${MARK}: there is no such key`],
  ['LOG_DIR=/tmp', `LOG_DIR ${MARK}: it is read from the environment of the container, not from this file`],
  ['AUTHOR=me', `AUTHOR="me" ${MARK}: it is not to be changed, rodolk stands`],
  ['MEJOR_EQUIPO=Belgrano', `MEJOR_EQUIPO="Belgrano" ${MARK}: it is not to be changed, Talleres stands`],
  ['follow the port', `a line ${MARK}: it is not of the form KEY=value`],
  ['RING_MB=8\nRING_MB=16', `RING_MB="" ${MARK}: the key stands again on line 2, which is the one that counts`],
  [
    'STALE2_SECONDS=60',
    `STALE2_SECONDS="60" ${MARK}: it is used, but it is not more than STALE_SECONDS=180: 00007 and 00008 cannot be told apart`,
  ],
];

for (const [text, want] of WARNINGS) {
  problems(`warning: ${JSON.stringify(text)}`, () => {
    const result = parse(text);
    assert.equal(lines(result), [`warning: ${want}`]);
    assert.is.not(result.settings, null);
    assert.is(result.settings?.author, 'rodolk');
    assert.is(result.settings?.mejorEquipo, 'Talleres');
  });
}

problems('of a file that is none of the agent’s nothing is shown', () => {
  const secret = ['root:$6$salt$hash:19000:0:99999:7:::', 'hunter2', 'aws.secret-key = AKIA4711', 'PASSWORD=hunter2'];
  const shown = lines(parse(secret.join('\n'))).join('\n');
  assert.not.match(shown, /root|salt|hunter2|aws|AKIA/);
  assert.match(shown, /line 1\).*not of the form/);
  assert.match(shown, /PASSWORD \(.*line 4\)/);
});

problems('a long or hostile value stays on one short line', () => {
  const [line] = lines(parse(`USE_EBPF="${'x'.repeat(5000)}\n\u001b[2J"`));
  assert.ok(line.length < 300);
  assert.not.match(line, /\p{Cc}/u);
});

problems('no text whatever throws, and every line of a problem is one of the file', () => {
  const pieces = [
    'FOLLOW_PORT',
    'POD_NAME',
    '=',
    ': ',
    '"',
    "'",
    '`',
    '\n',
    '\r\n',
    '#',
    ' ',
    '80',
    '\\',
    '\0',
    '__proto__',
  ];
  let state = 7;
  const random = (below: number) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
  for (let i = 0; i < 5000; i++) {
    const text = Array.from({ length: random(40) }, () => pieces[random(pieces.length)]).join('');
    const rows = text.split(/\r\n?|\n/).length;
    const result = parse(text);
    for (const { line } of result.problems)
      assert.ok(line === null || (line >= 1 && line <= rows), JSON.stringify(text));
    assert.is(
      result.settings === null,
      result.problems.some(({ severity }) => severity === 'error'),
    );
  }
});

problems('the nearest word is not any word', () => {
  assert.is(nearestWord('LOGLEVEL', ['LOG_LEVEL', 'LOG_DIR']), 'LOG_LEVEL');
  assert.is(nearestWord('LGO_LEVEL', ['LOG_LEVEL']), 'LOG_LEVEL');
  assert.is(nearestWord('XYZ', ['LOG_LEVEL']), null);
});

problems('a value that is quoted steers no terminal, whatever is in it', () => {
  const line = lines(parse('FOLLOW_PORT=1\u009b\u2028\u202e\u0007')).at(-1);
  assert.not.match(line ?? '', /[\p{Cc}\p{Cf}\p{Zl}]/u);
  assert.match(line ?? '', /^error: Cannot use FOLLOW_PORT="1\\u\{9b\}/);
});

problems.run();

const changes = suite('changes');

changes('name key, old and new value, and whether a new capture is needed', () => {
  const before = parse('FOLLOW_PORT=80\nINTERFACE_INDEX_SNIF=5\nPCAP_PAYLOAD_BYTES=64').settings ?? DEFAULT_SETTINGS;
  const after = parse('INTERFACE_INDEX_SNIF=auto\nMASK_HTTP_HEADERS=Cookie').settings ?? DEFAULT_SETTINGS;
  assert.equal(describeChanges(before, after), [
    { key: 'FOLLOW_PORT', from: '80', to: '0', needsRestart: false },
    { key: 'INTERFACE_INDEX_SNIF', from: '5', to: 'auto', needsRestart: true },
    { key: 'PCAP_PAYLOAD_BYTES', from: '64', to: 'all', needsRestart: false },
    {
      key: 'MASK_HTTP_HEADERS',
      from: 'Authorization,Cookie,Set-Cookie,Proxy-Authorization',
      to: 'Cookie',
      needsRestart: false,
    },
  ]);
  assert.equal(describeChanges(after, { ...after }), []);
});

changes.run();

const processWide = suite('process-wide settings');

processWide('defaults, values and mistakes', () => {
  assert.equal(parseProcessSettings({}).settings, {
    configDirectory: '/etc/dllt',
    logDirectory: '/dllt/logs',
    healthPort: 0,
    healthAddresses: ['127.0.0.1'],
    isPageServed: false,
    pageToken: '',
    memoryMb: 512,
  });
  const environment = {
    DLLT_CONFIG_DIR: '/a/',
    LOG_DIR: '/',
    HEALTH_PORT: '8080',
    HEALTH_ADDRESS: '192.168.0.2',
    UI: 'Y',
    UI_TOKEN: 'secret',
    MEMORY_MB: '2000',
    POD_IP: '10.0.0.7,fd00::7',
  };
  assert.equal(parseProcessSettings(environment).settings, {
    configDirectory: '/a',
    logDirectory: '/',
    healthPort: 8080,
    healthAddresses: ['127.0.0.1', '10.0.0.7', 'fd00::7', '192.168.0.2'],
    isPageServed: true,
    pageToken: 'secret',
    memoryMb: 2000,
  });
  const { settings, problems: found } = parseProcessSettings({
    LOG_DIR: 'logs',
    HEALTH_PORT: '99999',
    MEMORY_MB: '2Gi',
  });
  assert.is(settings, null);
  assert.equal(found.map(formatProblem), [
    'Cannot use LOG_DIR="logs" (environment): allowed is an absolute path',
    'Cannot use HEALTH_PORT="99999" (environment): allowed is a whole number from 0 to 65535',
    'Cannot use MEMORY_MB="2Gi" (environment): allowed is a whole number from 192 to 1048576',
  ]);
});

processWide('memory: nine tenths of what the container may use, and a warning where that is not enough', () => {
  const memoryMb = (containerMb: number) => parseProcessSettings({}, containerMb * MEBIBYTE).settings?.memoryMb;
  assert.equal([512, 2048, 100].map(memoryMb), [460, 1843, 192]);
  const { settings, problems } = parseProcessSettings({ MEMORY_MB: '4096' }, 2048 * MEBIBYTE);
  assert.is(settings?.memoryMb, 4096);
  assert.equal(problems.map(formatProblem), [
    'MEMORY_MB="4096" (environment): the container may use 2048 MiB: beyond that the kernel kills the agent; raise the limit of its memory, or set MEMORY_MB to nine tenths of it',
  ]);
});

processWide.run();
