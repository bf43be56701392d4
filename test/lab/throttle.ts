import type { Program } from './program.ts';

const PERIOD_MS = 100;

/** Lets a program run for a share of each tenth of a second, as a CPU quota does; answers with how to end that. */
export function throttle(program: Program, share: number): () => void {
  let resume: NodeJS.Timeout | undefined;
  const timer = setInterval(() => {
    program.child.kill('SIGSTOP');
    resume = setTimeout(() => program.child.kill('SIGCONT'), PERIOD_MS * (1 - share));
  }, PERIOD_MS);
  return () => {
    clearInterval(timer);
    clearTimeout(resume);
    program.child.kill('SIGCONT');
  };
}
