/** An object of the API, as JSON has it. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    [field: string]: unknown;
  };
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
  data?: Record<string, string>;
}

/** What became of an object. */
export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly resource: string;
  readonly object: KubeObject;
}

/** Which objects are meant: a selector as in a query, `app=web,tier!=db` or `metadata.name=web`. */
export type Selector = (object: KubeObject) => boolean;

/** The objects of a cluster: in memory, told to whoever watches. */
export class ObjectStore {
  readonly #objects = new Map<string, KubeObject>();
  readonly #watchers = new Set<(change: Change) => void>();
  #version = 0;

  get(resource: string, namespace: string, name: string): KubeObject | undefined {
    return this.#objects.get(keyOf(resource, namespace, name));
  }

  /** All of a resource, in one namespace or, with an empty one, in all of them. */
  list(resource: string, namespace: string, selected: Selector): KubeObject[] {
    const prefix = keyOf(resource, namespace, '').replace(/\/+$/, '/');
    return [...this.#objects].filter(([key, object]) => key.startsWith(prefix) && selected(object)).map(([, it]) => it);
  }

  /** Puts an object in its place: a new one, or another state of one that is there. */
  put(resource: string, namespace: string, object: KubeObject): KubeObject {
    const key = keyOf(resource, namespace, object.metadata.name);
    const before = this.#objects.get(key);
    const metadata = {
      uid: before?.metadata.uid ?? crypto.randomUUID(),
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...object.metadata,
      resourceVersion: String(++this.#version),
      ...(namespace === '' ? {} : { namespace }),
    };
    const stored = { ...object, metadata };
    this.#objects.set(key, stored);
    this.#tell({ type: before === undefined ? 'ADDED' : 'MODIFIED', resource, object: stored });
    return stored;
  }

  delete(resource: string, namespace: string, name: string): KubeObject | undefined {
    const key = keyOf(resource, namespace, name);
    const object = this.#objects.get(key);
    this.#objects.delete(key);
    if (object !== undefined) this.#tell({ type: 'DELETED', resource, object });
    return object;
  }

  /** Calls `watcher` with every change from now on; the answer ends that. */
  watch(watcher: (change: Change) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #tell(change: Change): void {
    for (const watcher of this.#watchers) watcher(change);
  }
}

function keyOf(resource: string, namespace: string, name: string): string {
  return `${resource}/${namespace}/${name}`;
}

/** Merges a patch into a value (RFC 7396): null takes a field out, `$` directives of a strategic merge patch are passed over. */
export function mergePatch(value: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const merged: Record<string, unknown> = { ...(isRecord(value) ? value : {}) };
  for (const [field, change] of Object.entries(patch)) {
    if (field.startsWith('$')) continue;
    if (change === null) delete merged[field];
    else merged[field] = mergePatch(merged[field], change);
  }
  return merged;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads `labelSelector` and `fieldSelector` (of which `metadata.name` is known) of a query. */
export function selectorOf(query: URLSearchParams): Selector {
  const labels = terms(query.get('labelSelector'));
  const fields = terms(query.get('fieldSelector'));
  return ({ metadata }) =>
    labels.every(([label, value]) => metadata.labels?.[label] === value) &&
    fields.every(([field, value]) => field === 'metadata.name' && metadata.name === value);
}

function terms(selector: string | null): [string, string][] {
  return (selector ?? '')
    .split(',')
    .filter(Boolean)
    .map((term) => {
      const [name = '', value = ''] = term.split(/==?/);
      return [name, value];
    });
}
