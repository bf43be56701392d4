import { DEFAULT_FILTER } from '../model/default-filter.ts';
import type { LogLevel } from '../model/log-level.ts';
import type { PcapFormat } from '../model/packet-records.ts';
import {
  addresses,
  headerNames,
  integer,
  integerOr,
  nonEmptyText,
  oneOf,
  text,
  type ValueType,
  yesOrNo,
} from './parsers.ts';

export type CaptureBackend = 'ring' | 'cap' | 'auto';
export type CaptureSide = 'host' | 'pod' | 'auto';

/** What one session is told to do: the env file's keys, checked. Texts that are empty are off. */
export interface Settings {
  /** Text searched in the head of HTTP requests. */
  readonly searchHttpHeader: string;
  /** Port whose connections are followed; 0 is off. */
  readonly followPort: number;
  /** Interface to capture; `auto` finds it from the pod's identity, null was not said. */
  readonly interfaceIndex: number | 'auto' | null;
  /** Text in the head of an HTTP request that marks a connection nobody wants. */
  readonly avoidLivenessProbe: string;
  readonly useEbpf: boolean;
  readonly mejorEquipo: string;
  readonly author: string;
  readonly podName: string;
  readonly podNamespace: string;
  readonly podUid: string;
  /** The pod's addresses, as written. */
  readonly podAddresses: readonly string[];
  readonly podInterface: string;
  readonly nodeName: string;
  /** pcap-filter(7). */
  readonly pcapFilter: string;
  readonly eventsForTlsConnections: boolean;
  /** DNS questions are listed, and 00012 and 00013 told. */
  readonly eventsForDns: boolean;
  readonly noEventHttpsClientSslShutdown: boolean;
  readonly noEventHttpClientReset: boolean;
  readonly eventThrottle: boolean;
  /** Trouble is told as Events of the cluster on the pod. */
  readonly kubernetesEvents: boolean;
  readonly followSeconds: number;
  /** How long a DNS query may be without an answer. */
  readonly dnsSeconds: number;
  readonly halfOpenSeconds: number;
  readonly staleSeconds: number;
  readonly stale2Seconds: number;
  readonly resetAbnormalCount: number;
  readonly resetAbnormalSeconds: number;
  /** Part of the data segments of a minute, in percent, beyond which loss is told. */
  readonly lossPercent: number;
  readonly zeroWindowSeconds: number;
  /** A request's first byte of answer that takes longer is told, in milliseconds; 0 is off. */
  readonly slowMs: number;
  readonly captureBackend: CaptureBackend;
  /** Size of the kernel's ring, in MiB. */
  readonly ringMb: number;
  /** Memory for packets kept for pcaps, in MiB. */
  readonly bufferMb: number;
  /** Disk budget of the session's directory, in MiB. */
  readonly maxLogMb: number;
  /** Pcaps that may be in the session's directory. */
  readonly maxPcaps: number;
  /** Free space on the volume below which pcaps, then flow files, stop, in MiB. */
  readonly minFreeMb: number;
  /** Bound of the connection table. */
  readonly maxConnections: number;
  readonly captureSide: CaptureSide;
  /** Format of the pcaps: pcapng has comments on packets. */
  readonly pcapFormat: PcapFormat;
  /** Payload bytes of each packet that go into pcaps; Infinity for all. */
  readonly pcapPayloadBytes: number;
  /** Headers whose values are masked in pcaps, as written. */
  readonly maskHttpHeaders: readonly string[];
  readonly logLevel: LogLevel;
}

/** One row of the table of settings. */
export interface Setting<T> {
  /** The key in the env file. */
  readonly key: string;
  readonly type: ValueType<T>;
  readonly default: T;
  /** `restart`: a change needs a new capture; `live`: it is applied while the session runs. */
  readonly change: 'live' | 'restart';
  /** True for a value that is not to be changed: another one is a warning and the default stands. */
  readonly fixed?: boolean;
}

const DAY_SECONDS = 86_400;
const TEBIBYTE_MB = 1_048_576;

function live<T>(key: string, type: ValueType<T>, defaultValue: T): Setting<T> {
  return { key, type, default: defaultValue, change: 'live' };
}

function restart<T>(key: string, type: ValueType<T>, defaultValue: T): Setting<T> {
  return { key, type, default: defaultValue, change: 'restart' };
}

/**
 * Every key of the env file. The pod's identity asks for a new capture because another pod has another interface;
 * BUFFER_MB because the memory that the capture fills is laid out when it begins.
 */
export const SETTINGS: { readonly [Name in keyof Settings]: Setting<Settings[Name]> } = {
  searchHttpHeader: live('SEARCH_HTTP_HEADER', text, ''),
  followPort: live('FOLLOW_PORT', integer(0, 65_535), 0),
  interfaceIndex: restart('INTERFACE_INDEX_SNIF', integerOr<'auto' | null>('auto', 'auto', 1, 2_147_483_647), null),
  avoidLivenessProbe: live('AVOID_LIVENESS_PROBE', text, ''),
  useEbpf: live('USE_EBPF', yesOrNo, false),
  mejorEquipo: { ...live('MEJOR_EQUIPO', text, 'Talleres'), fixed: true },
  author: { ...live('AUTHOR', text, 'rodolk'), fixed: true },
  podName: restart('POD_NAME', text, ''),
  podNamespace: restart('POD_NAMESPACE', text, ''),
  podUid: restart('POD_UID', text, ''),
  podAddresses: restart('POD_IP', addresses, []),
  podInterface: restart('POD_INTERFACE', text, ''),
  nodeName: live('NODE_NAME', text, ''),
  pcapFilter: live('PCAP_FILTER', nonEmptyText, DEFAULT_FILTER),
  eventsForTlsConnections: live('EVENTS_FOR_TLS_CONNECTIONS', yesOrNo, true),
  eventsForDns: live('EVENTS_FOR_DNS', yesOrNo, true),
  noEventHttpsClientSslShutdown: live('NO_EVENT_HTTPS_CLIENT_SSL_SHUTDOWN', yesOrNo, true),
  noEventHttpClientReset: live('NO_EVENT_HTTP_CLIENT_RESET', yesOrNo, true),
  eventThrottle: live('EVENT_THROTTLE', yesOrNo, true),
  kubernetesEvents: live('KUBERNETES_EVENTS', yesOrNo, false),
  followSeconds: live('FOLLOW_SECONDS', integer(0, DAY_SECONDS), 30),
  dnsSeconds: live('DNS_SECONDS', integer(1, 3600), 2),
  halfOpenSeconds: live('HALF_OPEN_SECONDS', integer(1, DAY_SECONDS), 30),
  staleSeconds: live('STALE_SECONDS', integer(1, DAY_SECONDS), 180),
  stale2Seconds: live('STALE2_SECONDS', integer(1, DAY_SECONDS), 600),
  resetAbnormalCount: live('RESET_ABNORMAL_COUNT', integer(1, 1_000_000), 20),
  resetAbnormalSeconds: live('RESET_ABNORMAL_SECONDS', integer(1, DAY_SECONDS), 60),
  lossPercent: live('LOSS_PERCENT', integer(1, 100), 5),
  zeroWindowSeconds: live('ZERO_WINDOW_SECONDS', integer(1, DAY_SECONDS), 5),
  slowMs: live('SLOW_MS', integer(0, 3_600_000), 0),
  captureBackend: restart('CAPTURE_BACKEND', oneOf('ring', 'cap', 'auto'), 'auto'),
  ringMb: restart('RING_MB', integer(1, 1024), 16),
  bufferMb: restart('BUFFER_MB', integer(1, 65_536), 128),
  maxLogMb: live('MAX_LOG_MB', integer(1, TEBIBYTE_MB), 1024),
  maxPcaps: live('MAX_PCAPS', integer(1, 1_000_000), 10_000),
  minFreeMb: live('MIN_FREE_MB', integer(0, TEBIBYTE_MB), 512),
  maxConnections: restart('MAX_CONNECTIONS', integer(1000, 4_000_000), 1_000_000),
  captureSide: restart('CAPTURE_SIDE', oneOf('host', 'pod', 'auto'), 'auto'),
  pcapFormat: live('PCAP_FORMAT', oneOf('pcap', 'pcapng'), 'pcap'),
  pcapPayloadBytes: live('PCAP_PAYLOAD_BYTES', integerOr('all', Number.POSITIVE_INFINITY, 0, 262_144), Infinity),
  maskHttpHeaders: live('MASK_HTTP_HEADERS', headerNames, [
    'Authorization',
    'Cookie',
    'Set-Cookie',
    'Proxy-Authorization',
  ]),
  logLevel: live('LOG_LEVEL', oneOf('error', 'warn', 'info', 'debug'), 'info'),
};

/** The names of all settings, in the order of the table. */
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly (keyof Settings)[];

/** What holds where nothing is said. */
export const DEFAULT_SETTINGS: Settings = Object.fromEntries(
  SETTING_NAMES.map((name) => [name, SETTINGS[name].default]),
) as unknown as Settings;

/** A setting that changed, as texts for the log. */
export interface SettingChange {
  readonly key: string;
  readonly from: string;
  readonly to: string;
  /** True when the change needs a new capture. */
  readonly needsRestart: boolean;
}

/** The settings in which two sessions differ, in the order of the table. */
export function describeChanges(from: Settings, to: Settings): SettingChange[] {
  return SETTING_NAMES.flatMap((name) => describeChange(name, from, to));
}

function describeChange<Name extends keyof Settings>(name: Name, from: Settings, to: Settings): SettingChange[] {
  const { key, type, change } = SETTINGS[name];
  const before = type.format(from[name]);
  const after = type.format(to[name]);
  return before === after ? [] : [{ key, from: before, to: after, needsRestart: change === 'restart' }];
}
