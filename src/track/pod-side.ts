import { PodSide, Side } from '../model/connection.ts';
import { Direction } from '../model/frame.ts';

/** Returns which end of a connection the pod is, from the direction of a packet that `sender` sent. */
export function podSideOf(direction: Direction, sender: Side): PodSide {
  if (direction === Direction.unknown) return PodSide.unknown;
  const podIsSender = direction === Direction.fromPod;
  return podIsSender === (sender === Side.initiator) ? PodSide.initiator : PodSide.responder;
}
