/** Every kind of event, by the name and the code under which it is reported. */
export const EventCode = {
  TCP_SYN_RETRANS: '00001',
  TCP_RESET: '00002',
  TCP_IS_TLS: '00003',
  TLS_ALERT: '00004',
  TLS_EXCEP: '00005',
  TCP_PARTIAL_CONNECTION: '00006',
  TCP_ESTABLISHED_STALE: '00007',
  TCP_ESTABLISHED_STALE2: '00008',
  TCP_SYN_RESET: '00009',
  TCP_RESET_ABNORMAL: '00010',
  VIF_DISAPPEARED: '00011',
  DNS_NO_ANSWER: '00012',
  DNS_ERROR: '00013',
  ICMP_ERROR: '00014',
  PATH_MTU: '00015',
  TCP_LOSS: '00016',
  TCP_ZERO_WINDOW: '00017',
  HTTP_ERROR: '00018',
  SLOW_ANSWER: '00020',
  NO_ANSWER: '00021',
  HALF_CLOSED: '00022',
  FOREIGN_PACKET: '00023',
} as const;

export type EventName = keyof typeof EventCode;
export type EventCode = (typeof EventCode)[EventName];

/** Codes by their number: how a connection's record holds the kind of trouble it had. */
export const FAILURE_CODES: readonly (EventCode | undefined)[] = Array.from({ length: 32 }, (_, number) =>
  Object.values(EventCode).find((code) => Number(code) === number),
);
