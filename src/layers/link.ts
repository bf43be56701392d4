import type { Frame } from '../model/frame.ts';
import { LinkType } from '../model/link-type.ts';
import { Verdict } from './verdict.ts';

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const ETHERTYPE_VLAN = 0x8100; // 802.1Q
const ETHERTYPE_SERVICE_VLAN = 0x88a8; // 802.1ad
const ETHERTYPE_OLD_QINQ = 0x9100; // used for double tags before 802.1ad
const MAX_VLAN_TAGS = 8; // more of them on one frame is not traffic but an attack
const NFLOG_PAYLOAD = 9; // NFULA_PAYLOAD, linux/netfilter/nfnetlink_log.h

/**
 * Finds the IP header of a frame: its offset in `frame.view`, or a negated `Verdict`. The header itself has not been
 * looked at yet, and may begin at the very end of the frame.
 */
export function ipOffset(frame: Frame): number {
  const { start, end } = frame;
  switch (frame.linkType) {
    case LinkType.ethernet:
      return afterEtherType(frame, start + 12);
    case LinkType.linuxSll: // protocol at 14 of 16 bytes
      return afterEtherType(frame, start + 14);
    case LinkType.linuxSll2: // protocol at 0 of 20 bytes
      if (end - start < 20) return -tooShort(frame);
      return isIp(frame.view.getUint16(start)) ? start + 20 : afterSll2Tags(frame);
    case LinkType.raw:
    case LinkType.rawBsd:
    case LinkType.rawOpenBsd:
    case LinkType.ipv4:
    case LinkType.ipv6:
      return start;
    case LinkType.null: // a 4-byte address family in the byte order of whoever captured: the IP version says the same
    case LinkType.loop:
      return end - start < 4 ? -tooShort(frame) : start + 4;
    case LinkType.nflog:
      return nflogPayload(frame);
    default:
      return -Verdict.unknownLink;
  }
}

/** `truncated` when the capture cut the frame, `malformed` when the frame never had the bytes. */
export function tooShort(frame: Frame): Verdict {
  return frame.end - frame.start < frame.wireLengthBytes ? Verdict.truncated : Verdict.malformed;
}

function isIp(etherType: number): boolean {
  return etherType === ETHERTYPE_IPV4 || etherType === ETHERTYPE_IPV6;
}

/** Follows an EtherType and the VLAN tags that may stand before the one that counts. */
function afterEtherType(frame: Frame, typeOffset: number): number {
  let at = typeOffset;
  for (let tags = 0; tags <= MAX_VLAN_TAGS; tags++) {
    if (at + 2 > frame.end) return -tooShort(frame);
    const etherType = frame.view.getUint16(at);
    if (isIp(etherType)) return at + 2;
    if (etherType !== ETHERTYPE_VLAN && etherType !== ETHERTYPE_SERVICE_VLAN && etherType !== ETHERTYPE_OLD_QINQ) {
      return -Verdict.notIp;
    }
    at += 4;
  }
  return -Verdict.malformed;
}

/** In SLL2 the protocol stands before the rest of the header, and a tag follows that header. */
function afterSll2Tags(frame: Frame): number {
  const etherType = frame.view.getUint16(frame.start);
  if (etherType !== ETHERTYPE_VLAN && etherType !== ETHERTYPE_SERVICE_VLAN) return -Verdict.notIp;
  return afterEtherType(frame, frame.start + 22);
}

/**
 * NFLOG (https://www.tcpdump.org/linktypes/LINKTYPE_NFLOG.html): a 4-byte header, then TLVs whose 2-byte length and
 * type are in the byte order of the capturing host, nowadays little-endian, padded to 4 bytes.
 */
function nflogPayload(frame: Frame): number {
  let at = frame.start + 4;
  while (at + 4 <= frame.end) {
    const length = frame.view.getUint16(at, true);
    const type = frame.view.getUint16(at + 2, true);
    if (length < 4) return -Verdict.malformed;
    if (type === NFLOG_PAYLOAD) return at + 4;
    at += (length + 3) & ~3;
  }
  return -tooShort(frame);
}
