import { Packet } from '../model/packet.ts';

/** Who asks and who is asked, in the packet that is looked at. */
export class DnsEnds {
  packet = new Packet();
  /** Offset of the client's address in the packet's view. */
  clientAt = 0;
  resolverAt = 0;
  clientPort = 0;

  /** `isFromClient`: the client sent the packet. */
  set(packet: Packet, isFromClient: boolean): void {
    this.packet = packet;
    this.clientAt = isFromClient ? packet.sourceAddress : packet.destinationAddress;
    this.resolverAt = isFromClient ? packet.destinationAddress : packet.sourceAddress;
    this.clientPort = isFromClient ? packet.sourcePort : packet.destinationPort;
  }
}
