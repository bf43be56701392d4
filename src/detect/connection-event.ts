import type { Side } from '../model/connection.ts';
import { type EventName, type NetworkEvent, summarize } from '../model/event.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { doubt } from './doubt.ts';

/** An event about a connection, with whatever doubt there is about that connection. */
export function connectionEvent(
  name: EventName,
  connection: TrackedConnection,
  timeUs: number,
  value: number,
  cause: string,
  by?: Side,
): NetworkEvent {
  const confidence = doubt(connection);
  return {
    name,
    timeUs,
    value,
    cause,
    connection: summarize(connection),
    ...(by === undefined ? {} : { by }),
    ...(confidence === undefined ? {} : { confidence }),
  };
}

/** `the client` or `the server`, as people call the two sides. */
export function sideName(side: Side): string {
  return side === 0 ? 'the client' : 'the server';
}
