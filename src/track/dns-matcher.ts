import { DnsMessage } from '../protocols/dns/dns-message.ts';
import { commonLabels, mayBeCandidates } from '../protocols/dns/dns-name.ts';
import { DnsType } from '../protocols/dns/dns-types.ts';
import { DnsEnds } from './dns-ends.ts';
import {
  BASE_LENGTH,
  CANDIDATES,
  CLIENT,
  FAILED,
  IPV6,
  isNegative,
  NAME_BYTES,
  NAME_HASH,
  NAME_LENGTH,
  PARTNER,
  PORT_AND_ID,
  RCODE,
  RESOLVER,
  STATE,
  STATE_MASK,
  TYPE,
  WAITING,
  WORDS,
} from './dns-record.ts';
import { type DnsTable, hashOf, Index } from './dns-table.ts';

/** Questions of one bucket that are looked at. */
export const MOST_LOOKED_AT = 64;

/** Compares the message that is looked at with the questions that are open. */
export class DnsMatcher {
  readonly message = new DnsMessage();
  readonly ends = new DnsEnds();
  readonly #table: DnsTable;
  readonly #words: Int32Array;
  readonly #names: Uint8Array;
  readonly #seed: number;

  /** `seed` keys the hashes: any 32-bit integer. */
  constructor(table: DnsTable, seed: number) {
    this.#table = table;
    this.#words = table.words;
    this.#names = table.names;
    this.#seed = seed | 0;
  }

  portHash(): number {
    const { packet, clientAt, clientPort } = this.ends;
    return hashOf(this.#seed, packet, clientAt, clientPort);
  }

  labelHash(): number {
    const { packet, clientAt } = this.ends;
    return hashOf(this.#seed, packet, clientAt, this.message.labelHash);
  }

  /** Whether a question is of the client of the message that is looked at. */
  isClient(slot: number): boolean {
    const { packet, clientAt } = this.ends;
    const isVersion6 = (this.#words[slot * WORDS + STATE] & IPV6) !== 0;
    return isVersion6 === (packet.ipVersion === 6) && this.#table.isAddress(slot, CLIENT, packet, clientAt);
  }

  isName(slot: number): boolean {
    const { name, nameBytes, nameHash } = this.message;
    const word = slot * WORDS;
    if (this.#words[word + NAME_HASH] !== nameHash || this.#words[word + NAME_LENGTH] !== nameBytes) return false;
    const at = slot * NAME_BYTES;
    for (let i = 0; i < nameBytes; i++) if (this.#names[at + i] !== name[i]) return false;
    return true;
  }

  /** Whether a question for the other type of address belongs to what is asked now. */
  isPartner(slot: number): boolean {
    const { type } = this.message;
    const word = slot * WORDS;
    const other = this.#words[word + TYPE];
    if (other + type !== DnsType.a + DnsType.aaaa || (other !== DnsType.a && other !== DnsType.aaaa)) return false;
    if (this.#words[word + PARTNER] >= 0) return false;
    return this.isName(slot) || ((this.#words[word + STATE] & STATE_MASK) === FAILED && this.commonBytes(slot) > 0);
  }

  isNonexistent(slot: number): boolean {
    const word = slot * WORDS;
    return (this.#words[word + STATE] & STATE_MASK) === FAILED && isNegative(this.#words[word + RCODE]);
  }

  /** Bytes that the two have in common where a search list may have made both; 0 otherwise. */
  commonBytes(slot: number): number {
    const { name, nameBytes } = this.message;
    const word = slot * WORDS;
    const length = this.#words[word + NAME_LENGTH];
    const at = slot * NAME_BYTES;
    const common = commonLabels(this.#names, at, length, name, nameBytes);
    // the domain of the host stands behind those of the cluster, and has nothing of theirs
    if (common > 0 && this.#words[word + CANDIDATES] > 1 && common === this.#words[word + BASE_LENGTH]) return common;
    return mayBeCandidates(this.#names, at, length, name, nameBytes, common) ? common : 0;
  }

  isNextCandidate(slot: number): boolean {
    const common = this.commonBytes(slot);
    return common > 0 && common <= this.#words[slot * WORDS + BASE_LENGTH];
  }

  /** Whether the name that is asked for is what a question's name begins with. */
  isBaseOf(slot: number): boolean {
    return this.commonBytes(slot) === this.message.nameBytes;
  }

  resolverBit(): number {
    const { packet, resolverAt } = this.ends;
    return 1 << (hashOf(this.#seed, packet, resolverAt, 0) & 31);
  }

  /**
   * The question that waits for an answer to a message with an id, or with any for -1. `isQuoted`: the message is the query
   * itself, which an ICMP error quotes, perhaps without its name. -1 for none.
   */
  askedWith(id: number, isQuoted: boolean): number {
    const table = this.#table;
    const words = this.#words;
    const { packet, clientPort, resolverAt } = this.ends;
    let slot = table.first(Index.port, this.portHash());
    for (let looked = 0; slot >= 0 && looked < MOST_LOOKED_AT; looked++, slot = table.next(Index.port, slot)) {
      const word = slot * WORDS;
      const portAndId = words[word + PORT_AND_ID];
      if ((words[word + STATE] & STATE_MASK) !== WAITING || portAndId >>> 16 !== clientPort) continue;
      if ((id >= 0 && (portAndId & 0xffff) !== id) || !this.isClient(slot)) continue;
      if (isQuoted ? table.isAddress(slot, RESOLVER, packet, resolverAt) : this.#isAsked(slot)) return slot;
    }
    return -1;
  }

  /** Whether an answer is one to what was asked; of what its sender could not read it has no question. */
  #isAsked(slot: number): boolean {
    const { questions, type } = this.message;
    return questions === 0 || (this.#words[slot * WORDS + TYPE] === type && this.isName(slot));
  }
}
