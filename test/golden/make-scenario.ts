import { LinkType } from '../../src/model/link-type.ts';
import { TcpFlag } from '../../src/model/packet.ts';
import { pcapFile } from '../tools/capture-bytes.ts';
import { ethernet, hex, type IpPacket, ipv4, ipv6, sll2, tcp } from '../tools/frame-bytes.ts';
import { parseStep, type ScriptPacket } from '../track/script-step.ts';
import type { Scenario } from './scenarios.ts';

const BEGIN_SECONDS = 1_700_000_000;
const CLIENT_PORT = 40_000;
const SERVER_PORT = 8_080;
const LINK_TYPES = {
  ethernet: LinkType.ethernet,
  vlan: LinkType.ethernet,
  sll2: LinkType.linuxSll2,
  raw: LinkType.raw,
};

/** Exchanges source and destination of an IP packet. */
export function turnAround({ etherType, bytes }: IpPacket): IpPacket {
  const [at, length] = etherType === 0x0800 ? [12, 4] : [8, 16];
  const turned = Buffer.from(bytes);
  bytes.copy(turned, at, at + length, at + 2 * length);
  bytes.copy(turned, at + length, at, at + length);
  return { etherType, bytes: turned };
}

function isRefusal({ fromClient, flags, sequence }: ScriptPacket): boolean {
  return !fromClient && flags === (TcpFlag.rst | TcpFlag.ack) && sequence === 0;
}

function segment(packet: ScriptPacket, [client, server]: readonly [number, number]): Buffer {
  const { fromClient, flags, windowScale } = packet;
  const clientPort = CLIENT_PORT + packet.connection - 1;
  const [own, other] = fromClient ? [client, server] : [server, client];
  return tcp({
    sourcePort: fromClient ? clientPort : SERVER_PORT,
    destinationPort: fromClient ? SERVER_PORT : clientPort,
    // who refuses a SYN has no sequence number of its own (RFC 9293 §3.10.7.1)
    sequence: isRefusal(packet) ? 0 : (own + packet.sequence) >>> 0,
    acknowledgment: (flags & TcpFlag.ack) === 0 ? 0 : (other + packet.acknowledgment) >>> 0,
    flags,
    window: packet.window,
    options: windowScale < 0 ? Buffer.alloc(0) : hex(`010303${windowScale.toString(16).padStart(2, '0')}`),
    payload: Buffer.alloc(packet.payloadBytes, 0),
  });
}

function frame({ capture, ipVersion }: Scenario, fromClient: boolean, bytes: Buffer): Buffer {
  const packet = ipVersion === 4 ? ipv4(bytes) : ipv6(bytes);
  const ip = fromClient ? packet : turnAround(packet);
  switch (capture) {
    case 'ethernet':
      return ethernet(ip);
    case 'vlan':
      return ethernet(ip, [0x88a8, 0x8100]);
    case 'sll2':
      return sll2(ip);
    case 'raw':
      return ip.bytes;
  }
}

/** The capture file of a scenario. */
export function makeScenario(scenario: Scenario): Buffer {
  const records = scenario.script
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const { seconds, action, packet } = parseStep(line);
      if (packet === null) throw new Error(`there is no ${action} in a capture`);
      const micros = Math.round(seconds * 1e6);
      return {
        seconds: BEGIN_SECONDS + Math.floor(micros / 1e6),
        ticks: micros % 1e6,
        bytes: frame(scenario, packet.fromClient, segment(packet, scenario.isn ?? [1_000_000, 9_000_000])),
      };
    });
  return pcapFile(records, { linkType: LINK_TYPES[scenario.capture] });
}
