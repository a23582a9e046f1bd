/** A homeserver that is measured. */
export interface Server {
  /** As it stands in the table. */
  readonly name: string;
  readonly url: string;
  readonly registrationSharedSecret: string | undefined;
  /** Its processes on this machine (their threads and children count too); empty when they are elsewhere. */
  processes(): readonly number[];
  /** The processes of its database, where that is not part of it. */
  databaseProcesses(): readonly number[];
  /** Stops it and starts it again; gives the milliseconds from its start to its first answer. Only where we started it. */
  restart?(): Promise<number>;
  /** What its data takes on disk, in bytes, with nothing left in logs; it is started anew for that. Only where we started it. */
  bytesOnDisk?(): Promise<number>;
  /** Ends it and removes its data, if we started it. */
  close(): Promise<void>;
}
