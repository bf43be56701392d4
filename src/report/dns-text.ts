import type { NameCost, Resolver } from '../diagnosis/dns-lookups.ts';
import { durationText } from './duration-text.ts';
import { count, type Layout } from './layout.ts';
import type { Diagnosis } from './read-session.ts';
import { wrap } from './wrap.ts';

const MOST_RESOLVERS_SHOWN = 10;
const MOST_NAMES_SHOWN = 10;

/** How the resolvers answer, and which names cost more queries than they need. */
export function dnsLines({ resolvers, costlyNames }: Diagnosis, { style, width }: Layout): string[] {
  if (resolvers.length === 0) return [];
  const paragraph = (text: string) => wrap(text, width - 4).map((line, i) => `${i === 0 ? '  ' : '    '}${line}`);
  const more = resolvers.length - MOST_RESOLVERS_SHOWN;
  return [
    '',
    style.bold('How resolvers answer'),
    '',
    ...resolvers.slice(0, MOST_RESOLVERS_SHOWN).flatMap((resolver) => paragraph(resolverText(resolver))),
    ...(more > 0 ? [`  … and ${more} more; --json lists them all.`] : []),
    ...costLines(costlyNames, paragraph),
  ];
}

function resolverText({ where, questions, queries, unanswered, failed, latency }: Resolver): string {
  const parts = [`${where}: ${count(questions, 'question')}, ${queries === 1 ? '1 query' : `${queries} queries`}`];
  if (unanswered > 0) parts.push(`${unanswered} of them without an answer`);
  const others = Object.entries(failed).filter(([name]) => name !== 'no answer');
  parts.push(...others.map(([name, times]) => `${name} ${times}`));
  if (latency !== null) parts.push(`p50 ${durationText(latency.p50Us)}, p99 ${durationText(latency.p99Us)}`);
  return parts.join('; ');
}

function costLines(names: readonly NameCost[], paragraph: (text: string) => string[]): string[] {
  if (names.length === 0) return [];
  const more = names.length - MOST_NAMES_SHOWN;
  return [
    '',
    ...paragraph(
      'Names that cost more than two queries, as the search list is gone through first (`ndots` in resolv.conf(5)): ask for them with a dot at the end, or set dnsConfig.options ndots of the pod to 1 or 2.',
    ),
    ...names
      .slice(0, MOST_NAMES_SHOWN)
      .flatMap(({ name, queriesEach, candidates, lookups }) =>
        paragraph(
          `${name}: ${queriesEach} queries a lookup (${candidates} names are tried), ${count(lookups, 'lookup')}`,
        ),
      ),
    ...(more > 0 ? [`  … and ${more} more; --json lists them all.`] : []),
  ];
}
