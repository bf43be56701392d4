import type { NetworkEvent } from '../model/event.ts';

/** 00011: the captured interface is gone. */
export function interfaceGone(interfaceIndex: number, interfaceName: string, timeUs: number): NetworkEvent {
  const cause = `the interface ${interfaceName} is gone: the pod was deleted, restarted or moved to another node`;
  return {
    name: 'VIF_DISAPPEARED',
    timeUs,
    value: interfaceIndex,
    causeId: 'interface.gone',
    cause,
    connection: null,
  };
}
