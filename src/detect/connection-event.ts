import type { CauseId } from '../model/cause-id.ts';
import type { Side } from '../model/connection.ts';
import { type EventFacts, type NetworkEvent, summarize } from '../model/event.ts';
import type { EventName } from '../model/event-code.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { doubt, joinDoubts } from './doubt.ts';

/** The probable cause of an event: for machines, and in plain words. */
export interface Cause {
  readonly causeId: CauseId;
  readonly cause: string;
}

/** What an event says besides its connection, time and doubt. */
export interface EventContent extends Cause {
  readonly value: number;
  /** Who did it. */
  readonly by?: Side;
  readonly facts?: EventFacts;
  /** What is in doubt besides the connection itself. */
  readonly doubt?: string | undefined;
}

/** Returns an event about a connection, with whatever doubt there is about that connection. */
export function connectionEvent(
  name: EventName,
  connection: TrackedConnection,
  timeUs: number,
  { doubt: furtherDoubt, ...content }: EventContent,
): NetworkEvent {
  const confidence = joinDoubts(doubt(connection), furtherDoubt);
  return {
    name,
    timeUs,
    ...content,
    connection: summarize(connection),
    ...(confidence === undefined ? {} : { confidence }),
  };
}

/** `the client` or `the server`, as people call the two sides. */
export function sideName(side: Side): string {
  return side === 0 ? 'the client' : 'the server';
}
