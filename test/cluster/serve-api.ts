/**
 * An API server as a program of its own, so that it can stand in a network namespace: `serve-api.js DIRECTORY`. Prints
 * what the environment of a pod says of it, then each object, whenever it is made or changed, as lines of JSON.
 */
import { ApiServer, type StoredEvent } from './events-api.ts';

class PrintingMap extends Map<string, StoredEvent> {
  override set(key: string, value: StoredEvent): this {
    console.log(JSON.stringify(value));
    return super.set(key, value);
  }
}

const server = new ApiServer(process.argv[2] ?? '.', 'rsa', new PrintingMap());
await server.start();
console.log(JSON.stringify(server.environment));
