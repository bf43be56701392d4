/** What a scenario needs to know to write its command lines. */
export interface LabFiles {
  readonly dir: string;
  /** Where the server listens. */
  readonly address: string;
  readonly port: number;
}

/** Two real programs that speak TLS with each other. */
export interface Scenario {
  readonly name: string;
  readonly server: (lab: LabFiles) => readonly string[];
  readonly client: (lab: LabFiles) => readonly string[];
  /** A first client whose connection is looked at like the others: it fetches the session that is taken up. */
  readonly first?: (lab: LabFiles) => readonly string[];
  /** What goes to the client's standard input; kept open for a moment when it is not empty. */
  readonly input?: string;
  /** Connections made by one run of the client. */
  readonly connectionsPerRun?: number;
}
