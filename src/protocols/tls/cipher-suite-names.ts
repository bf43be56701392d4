import { SUITES_FROM_0000 } from './cipher-suites-0000.ts';
import { SUITES_FROM_C000 } from './cipher-suites-c000.ts';

/**
 * Names of TLS cipher suites by number: the registry "TLS Cipher Suites" of IANA
 * (https://www.iana.org/assignments/tls-parameters/tls-parameters-4.csv), assigned entries only.
 */
export const CIPHER_SUITE_NAMES: ReadonlyMap<number, string> = new Map([...SUITES_FROM_0000, ...SUITES_FROM_C000]);
