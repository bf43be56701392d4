import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

/**
 * Files of `src/` without a test of their own, by the test that runs them as a part of what it tests: no file is to be
 * added to the list where one of its own can be written.
 */
const COVERED_BY: Readonly<Record<string, readonly string[]>> = {
  'diagnosis/dns-lookups.test.ts': ['diagnosis/dns-advice.ts', 'diagnosis/dns-line.ts'],
  'protocols/dns/dns-message.test.ts': ['protocols/dns/dns-name.ts', 'protocols/dns/dns-types.ts'],
  'track/dns-questions.test.ts': [
    'track/dns-ends.ts',
    'track/dns-matcher.ts',
    'track/dns-question-copy.ts',
    'track/dns-record.ts',
    'track/dns-table.ts',
    'track/recent-answers.ts',
  ],
  'pipeline/dns.replay.test.ts': [
    'detect/dns-counters.ts',
    'detect/dns-detectors.ts',
    'detect/dns-error.ts',
    'detect/dns-event.ts',
    'detect/dns-no-answer.ts',
    'detect/dns-rejected.ts',
    'history/dns-packets.ts',
    'pipeline/directions.ts',
    'pipeline/dns-dumps.ts',
    'pipeline/dns-emitter.ts',
    'track/dns-conversations.ts',
  ],
  'agent/agent.test.ts': ['agent/garbage-collector.ts', 'agent/page.ts', 'native/malloc.ts', 'session/agent-memory.ts'],
  'agent/session-keeper.test.ts': ['agent/until-deserted.ts'],
  'attribution/named-output.test.ts': [
    'attribution/line-queue.ts',
    'attribution/owner-lookup.ts',
    'model/event.ts',
    'model/packet.ts',
  ],
  'capture/spill-pool.test.ts': ['capture/block-backlog.ts', 'capture/memory.ts', 'capture/ring-layout.ts'],
  'capture/cap-source.live.test.ts': ['capture/cap-socket.ts', 'capture/packet-socket.ts'],
  'capture/file-source.test.ts': ['capture/byte-source.ts', 'capture/pcap.ts', 'model/frame.ts'],
  'capture/ring-source.live.test.ts': ['capture/link-check.ts', 'capture/open-ring-source.ts'],
  'cluster/pod-events.test.ts': [
    'cluster/api-request.ts',
    'cluster/open-pod-events.ts',
    'cluster/pod-trouble.ts',
    'cluster/pod-troubles.ts',
    'cluster/service-account.ts',
  ],
  'config/settings.test.ts': [
    'config/parse-env-file.ts',
    'config/parsers.ts',
    'config/problem.ts',
    'config/process-settings.ts',
  ],
  'detect/half-closed.test.ts': [
    'detect/detectors.ts',
    'detect/half-open.ts',
    'detect/reset-abnormal.ts',
    'detect/reset.ts',
    'detect/stale.ts',
    'detect/syn-reset.ts',
    'detect/syn-retransmission.ts',
  ],
  'detect/known-servers.test.ts': ['detect/server-hash.ts'],
  'detect/loss.test.ts': ['detect/zero-window.ts'],
  'detect/resets.test.ts': ['detect/throttle.ts'],
  'detect/silence.test.ts': ['detect/interface-gone.ts'],
  'detect/tls-abandoned.test.ts': ['detect/connection-event.ts', 'detect/tls-text.ts'],
  'detect/tls-events.test.ts': [
    'detect/doubt.ts',
    'detect/tls-alert-cause.ts',
    'detect/tls-alert-name.ts',
    'detect/tls-alert.ts',
    'detect/tls-established.ts',
    'detect/tls-exception.ts',
  ],
  'diagnosis/advice.test.ts': [
    'diagnosis/advice-names.ts',
    'diagnosis/answer-advice.ts',
    'diagnosis/causes.ts',
    'diagnosis/default-cause.ts',
    'diagnosis/event-line.ts',
    'diagnosis/path-advice.ts',
    'diagnosis/tls-advice.ts',
  ],
  'diagnosis/findings.test.ts': [
    'diagnosis/code-rank.ts',
    'diagnosis/counts.ts',
    'diagnosis/end-flow-line.ts',
    'diagnosis/finding.ts',
    'diagnosis/join-troubles.ts',
    'diagnosis/servers.ts',
    'diagnosis/trouble-group.ts',
    'diagnosis/untold.ts',
  ],
  'diagnosis/severity.test.ts': ['diagnosis/failure-severity.ts'],
  'golden/reference.test.ts': ['output/process-flow-file.ts'],
  'history/chunked-history.test.ts': ['history/chunk-records.ts', 'history/copy-bytes.ts', 'history/record-header.ts'],
  'history/packet-history.test.ts': [
    'history/block-log.ts',
    'history/history-layout.ts',
    'history/log-records.ts',
    'history/shrink-larger.ts',
    'history/vlan-tag.ts',
  ],
  'layers/tcp.test.ts': ['layers/decoder.ts'],
  'mask/http-header-mask.test.ts': ['mask/header-values.ts', 'mask/payload-stream.ts', 'mask/tcp-checksum.ts'],
  'native/libc.test.ts': ['native/errno.ts'],
  'native/link-watch.live.test.ts': ['native/netlink.ts', 'native/rtnetlink.ts'],
  'output/flow-files.test.ts': [
    'output/connection-columns.ts',
    'output/end-flow-file.ts',
    'output/flow-file.ts',
    'output/internet.ts',
  ],
  'output/pcap-file.test.ts': ['output/block-writer.ts', 'output/pcapng-file.ts'],
  'output/rotating-file.test.ts': ['output/file-names.ts', 'output/make-directory.ts', 'output/whole-line-writer.ts'],
  'output/session-directory.test.ts': ['model/session-directory-name.ts'],
  'page/store.test.ts': ['page/view.ts'],
  'pipeline/hostile.replay.test.ts': [
    'pipeline/dumps.ts',
    'pipeline/packet-processor.ts',
    'pipeline/pipeline.ts',
    'pipeline/emitter.ts',
  ],
  'process/connection-record.test.ts': ['native/inet-diag.ts'],
  'process/pod-sockets.test.ts': ['native/clock.ts', 'process/diag-sockets.ts', 'process/proc-net-sockets.ts'],
  'process/process-facts.test.ts': ['native/bpf-ring.ts', 'native/libbpf.ts', 'process/connection-tracer.ts'],
  'process/process-finder.test.ts': [
    'process/proc-files.ts',
    'process/process-knowledge.ts',
    'process/process-table.ts',
    'process/socket-scan.ts',
  ],
  'protocols/http/fuzz.replay.test.ts': ['protocols/http/hpack-table.ts', 'protocols/http/http-search.ts'],
  'protocols/http/hpack.test.ts': [
    'protocols/http/hpack-decoder.ts',
    'protocols/http/http-matches.ts',
    'protocols/http/huffman.ts',
  ],
  'protocols/http/http1.test.ts': [
    'protocols/http/chunked-body.ts',
    'protocols/http/http-reader.ts',
    'protocols/http/http2-frames.ts',
    'protocols/http/http2-reader.ts',
    'protocols/http/line-keeper.ts',
    'protocols/http/message-framing.ts',
    'protocols/http/request-reader.ts',
    'protocols/http/response-watch.ts',
  ],
  'protocols/stream/in-order-stream.test.ts': ['protocols/stream/stream-budget.ts'],
  'protocols/tls/tls-dialogues.test.ts': [
    'protocols/tls/begin-preamble.ts',
    'protocols/tls/certificate.ts',
    'protocols/tls/cipher-suite.ts',
    'protocols/tls/first-text.ts',
    'protocols/tls/handshake-order.ts',
    'protocols/tls/handshake-reader.ts',
    'protocols/tls/handshake-signals.ts',
    'protocols/tls/hello.ts',
    'protocols/tls/record-reader.ts',
    'protocols/tls/tls-constants.ts',
    'protocols/tls/tls-handshake.ts',
    'protocols/tls/tls-session.ts',
    'protocols/tls/tls13-ending.ts',
  ],
  'report/report.test.ts': [
    'report/dns-text.ts',
    'report/duration-text.ts',
    'report/finding-text.ts',
    'report/read-session.ts',
    'report/report-text.ts',
    'report/session-end.ts',
    'report/session-files.ts',
  ],
  'serve/health-server.test.ts': ['serve/client-places.ts'],
  'serve/metrics.test.ts': ['model/dns-figures.ts', 'serve/metric.ts'],
  'serve/page-server.test.ts': ['serve/page-access.ts', 'serve/page-stream.ts'],
  'session/capture-loop.test.ts': [
    'attribution/attribution.ts',
    'attribution/ebpf-session.ts',
    'process/pod-namespace-retry.ts',
    'session/load-shedding.ts',
  ],
  'session/live-session.live.test.ts': ['session/figures.ts'],
  'session/live-session.test.ts': [
    'output/ebpf-log.ts',
    'pipeline/counting-sink.ts',
    'session/open-session-files.ts',
    'session/session-files.ts',
    'session/session-page.ts',
    'session/session-memory.ts',
    'session/session-parts.ts',
  ],
  'detect/answers.test.ts': ['track/framed-answers.ts', 'track/request-paths.ts'],
  'track/tcp-quality.test.ts': ['track/duplicate-sack.ts', 'track/quality-view.ts'],
  'track/connection-table.test.ts': ['track/record-layout.ts', 'track/tracked-connection.ts'],
  'track/conversations.test.ts': [
    'track/byte-streams.ts',
    'track/deadlines.ts',
    'track/free-slots.ts',
    'track/handshakes.ts',
    'track/holes.ts',
    'track/hop-limit.ts',
    'track/keep-alives.ts',
    'track/lifetimes.ts',
    'track/pod-side.ts',
    'track/shift-record-times.ts',
    'track/tracker.ts',
  ],
};

/** Files that no test imports, with the reason. */
const NOT_IMPORTED: Readonly<Record<string, string>> = {
  'agent/own-user.ts': 'runs in the program: session/command-line.replay.test.ts and the live tests start that',
  'commands/bounded-heap.ts': 'runs in the program: session/command-line.replay.test.ts and the live tests start that',
  'commands/log-directories.ts':
    'runs in the program: session/command-line.replay.test.ts and the live tests start that',
  'commands/outcome.ts': 'runs in the program: session/command-line.replay.test.ts and the live tests start that',
  'commands/page-token.ts': 'runs in the program: session/command-line.replay.test.ts and the live tests start that',
  'commands/standard-output.ts':
    'runs in the program: session/command-line.replay.test.ts and the live tests start that',
  'output/replay-summary.ts': 'runs in the program: session/command-line.replay.test.ts and the live tests start that',
  'page/charts.ts': 'runs in a browser: page/page.live.test.ts drives it there',
  'page/detail.ts': 'runs in a browser: page/page.live.test.ts drives it there',
  'page/dom.ts': 'runs in a browser: page/page.live.test.ts drives it there',
  'page/list.ts': 'runs in a browser: page/page.live.test.ts drives it there',
  'report/event-tail.ts': 'runs in the program: session/command-line.replay.test.ts and the live tests start that',
  'report/event-text.ts': 'runs in the program: session/command-line.replay.test.ts and the live tests start that',
  'session/replay-sinks.ts': 'runs in the program: session/command-line.replay.test.ts and the live tests start that',
  'session/replay.ts': 'runs in the program: session/command-line.replay.test.ts and the live tests start that',
};

const KINDS = ['.test.ts', '.live.test.ts', '.replay.test.ts'];
const HAS_LOGIC = /^export (?:async |abstract )*(?:function\*?|class)\s/m;
const IMPORT = /from\s*'(\.[^']+)'/g;

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const hasOwnTest = (file: string) => KINDS.some((kind) => existsSync(join('test', file.replace(/\.ts$/, kind))));
const covered = Object.values(COVERED_BY).flat();

/** All files that a test imports, directly or by way of others. */
function importedBy(file: string, found = new Set<string>()): Set<string> {
  for (const [, target = ''] of readFileSync(file, 'utf8').matchAll(IMPORT)) {
    const path = normalize(join(dirname(file), target));
    if (found.has(path) || !existsSync(path)) continue;
    found.add(path);
    importedBy(path, found);
  }
  return found;
}

test('every file of the sources with logic has a test of its own, or says which test runs it', () => {
  assert.ok(sources.length > 200, `only ${sources.length} files were found`);
  const bare = sources.filter(
    (file) =>
      HAS_LOGIC.test(readFileSync(join('src', file), 'utf8')) &&
      !hasOwnTest(file) &&
      !covered.includes(file) &&
      NOT_IMPORTED[file] === undefined,
  );
  assert.equal(bare, []);
});

test('what is listed is there and has no test of its own', () => {
  const stale = [...covered, ...Object.keys(NOT_IMPORTED)].filter(
    (file) => !sources.includes(file) || hasOwnTest(file),
  );
  assert.equal(stale, []);
});

test('a test that is said to run a file imports it', () => {
  for (const [name, files] of Object.entries(COVERED_BY)) {
    const imported = importedBy(join('test', name));
    const missing = files.filter((file) => !imported.has(join('src', file)));
    assert.equal(missing, [], name);
  }
});

test.run();
