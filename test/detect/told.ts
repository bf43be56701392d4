import type { NetworkEvent } from '../../src/model/event.ts';
import type { Conversation } from '../truth/conversation.ts';
import { replayFrames } from '../truth/replayed.ts';

/** All events of what was captured, with `restSeconds` of silence behind it. */
export function eventsOf({ frames }: Pick<Conversation, 'frames'>, restSeconds = 100): readonly NetworkEvent[] {
  return replayFrames(frames, restSeconds).events;
}

/** What is told of it in short: cause, who did it, and whether it is in doubt. Completed handshakes of TLS are left out. */
export function told(captured: Pick<Conversation, 'frames'>, restSeconds = 100): string {
  return eventsOf(captured, restSeconds)
    .filter(({ name }) => name !== 'TCP_IS_TLS')
    .map(({ causeId, by, certain, confidence }) => {
      const doubt = (certain ?? confidence === undefined) ? '' : ', perhaps';
      return `${causeId}${by === undefined ? '' : ` by ${by === 0 ? 'client' : 'server'}`}${doubt}`;
    })
    .join('; ');
}
