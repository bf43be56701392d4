/** What a folder of `src/` is for, and which other folders it may import. */
interface Room {
  readonly job: string;
  readonly mayImport: readonly string[];
}

/** The folders without I/O, timers and wall clock, from the words to the way of a packet. */
const PURE = ['model', 'layers', 'protocols', 'track', 'limits', 'detect', 'mask', 'history', 'pipeline', 'diagnosis'];
const BELOW_SESSION = [...PURE.filter((room) => room !== 'diagnosis'), 'capture', 'process', 'cluster', 'output'];

/** The one list of who may import whom: `import-boundaries.test.ts` holds the code and docs/ARCHITECTURE.md against it. */
export const ROOMS: Readonly<Record<string, Room>> = {
  model: { job: 'the words everybody uses: `Frame`, `Packet`, `Connection`, events and their codes', mayImport: [] },
  layers: { job: 'stateless decoding, one protocol a file: link, IP, TCP, UDP, ICMP', mayImport: ['model'] },
  protocols: {
    job: 'readers of application bytes: `stream/` puts them in order, `tls/`, `http/`, `dns/`',
    mayImport: ['model'],
  },
  track: { job: 'the connection table and the TCP state of each side', mayImport: ['model', 'layers', 'protocols'] },
  limits: { job: 'token buckets, fair shares, budgets: whoever has to share', mayImport: ['model'] },
  detect: { job: 'what is an event, why probably, how certain', mayImport: ['model', 'limits', 'track', 'protocols'] },
  mask: { job: 'header values out of the packets of a pcap (ADR 0013)', mayImport: ['model', 'layers'] },
  native: { job: 'the only place where libc, libpcap, libbpf and netlink are called', mayImport: ['model'] },
  capture: { job: 'where frames come from: packet ring, `cap`, capture file', mayImport: ['model', 'native'] },
  history: { job: 'the packets kept per connection within a budget', mayImport: ['model'] },
  pipeline: {
    job: 'the pure way of a packet, put together: packet processor, emitter, dumps',
    mayImport: ['model', 'layers', 'protocols', 'track', 'limits', 'detect', 'mask', 'history', 'capture'],
  },
  process: { job: 'which process owns a socket: sock_diag, `/proc`, eBPF', mayImport: ['model', 'native', 'limits'] },
  attribution: {
    job: 'whose connection it is: reports wait here for their process',
    mayImport: ['model', 'track', 'pipeline', 'process'],
  },
  cluster: { job: 'Kubernetes: trouble as Events of the cluster', mayImport: ['model', 'limits', 'diagnosis'] },
  output: { job: 'rotating files, CSV, NDJSON, pcap files, disk budget', mayImport: ['model'] },
  config: { job: 'env files: parse, check, watch', mayImport: ['model'] },
  session: {
    job: 'one monitored pod: owns time, files and shutdown; replay of capture files',
    mayImport: [...BELOW_SESSION, 'attribution', 'native', 'config', 'diagnosis'],
  },
  agent: {
    job: 'sessions come, change and go with the env files',
    mayImport: ['model', 'native', 'capture', 'process', 'config', 'session', 'serve'],
  },
  diagnosis: { job: 'what is wrong, from events and flows: findings, severity, advice', mayImport: ['model'] },
  report: { job: 'reads what `output/` wrote, and lays findings out for people', mayImport: ['model', 'diagnosis'] },
  serve: { job: 'what can be asked over HTTP: health, metrics, the live page', mayImport: ['model', 'diagnosis'] },
  page: { job: 'the live page, as it runs in a browser (ADR 0017)', mayImport: ['model', 'diagnosis'] },
  commands: {
    job: 'one command of the command line a file',
    mayImport: ['model', 'native', 'capture', 'config', 'output', 'session', 'agent', 'diagnosis', 'report', 'serve'],
  },
  'main.ts': { job: 'which command was called', mayImport: ['commands'] },
};

/** Packages, and modules of Node in the pure folders, by the folders that may import them. */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  koffi: ['native'],
  cap: ['capture'],
  chokidar: ['config'],
  dotenv: ['config'],
  pino: ['output'],
  'prom-client': ['serve'],
  uplot: ['page'],
  '@tanstack/virtual-core': ['page'],
  'node:crypto': ['protocols'], // X.509 certificates
  'node:net': ['diagnosis'], // isIP
};

/** Folders that read no clock, set no timer and do no I/O. */
export const PURE_ROOMS: readonly string[] = PURE;

/** The table of docs/ARCHITECTURE.md, a line a folder. */
export function roomsTable(): string {
  const rows = Object.entries(ROOMS).map(([room, { job, mayImport }]) => {
    const name = room.endsWith('.ts') ? `\`${room}\`` : `\`${room}/\``;
    return `| ${name} | ${job} | ${mayImport.map((other) => `\`${other}\``).join(' ') || '–'} |`;
  });
  return ['| folder of `src/` | its one job | may import |', '|---|---|---|', ...rows].join('\n');
}
