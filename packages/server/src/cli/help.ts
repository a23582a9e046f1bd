export const serverHelp = `myelin: a Matrix homeserver

  myelin -c homeserver.yaml                     serve in the foreground
  myelin --generate-config -c homeserver.yaml -H example.com
                                                write a first configuration, log configuration and signing key
  myelin register-user -c homeserver.yaml       register a user of a running server
  myelin hash-password                          hash a password as the database holds it
  myelin generate-signing-key                   make a signing key
  myelin void-one-time-keys -c homeserver.yaml  after restoring a database, while the server is stopped

  -c, --config-path PATH      a file, or a directory of *.yaml files; may be repeated, later ones win
      --generate-config       write the file of -c and all that it names, where they are missing
      --generate-missing-configs, --generate-keys
                              write the files that an existing configuration names, where they are missing
  -H, --server-name NAME      the domain of user ids in a new configuration
      --public-baseurl URL    the address for clients in a new configuration
      --report-stats yes|no   goes into a new configuration; nothing is ever reported
      --config-directory DIR  for the log configuration; default: the directory of the last -c
      --keys-directory DIR    for the signing key; default: the directory for the configuration
      --data-directory DIR    for the database and the log file; default: the working directory
      --no-secrets-in-config  put secrets into files of their own
      --open-private-ports    listen at all addresses, not only at this machine's own
  -D, --daemonize             serve in the background
      --help, --version

A serving process ends in order on SIGTERM and SIGINT, and reads the log configuration again on SIGHUP.`;

export const registerUserHelp = `myelin register-user: registers a user of a running server, by its registration_shared_secret

  myelin register-user -c homeserver.yaml [-u NAME] [-p PASSWORD] [-a | --no-admin] [SERVER_URL]

  -u, --user NAME             the part of the user id before the colon; asked for when missing
  -p, --password PASSWORD     asked for when missing
      --password-file FILE    read the password from a file ("-": from standard input)
  -a, --admin                 the user is a server admin
      --no-admin              the user is none; asked for when neither is given
  -t, --user_type TYPE        such as "bot" or "support"
      --exists-ok             no error when the user is there already
  -c, --config FILE           where the secret stands, and the server's port
  -k, --shared-secret SECRET  the secret itself
  SERVER_URL                  default: the port of the configuration on this machine, else http://localhost:8008`;

export const hashPasswordHelp = `myelin hash-password: hashes a password as the database holds it

  -p, --password PASSWORD     asked for, or read from standard input, when missing
  -r, --rounds NUMBER         the cost; default: bcrypt_rounds of the configuration, else 12
  -c, --config FILE           for bcrypt_rounds and password_config.pepper`;

export const generateSigningKeyHelp = `myelin generate-signing-key: makes a signing key

  -o, --output_file FILE      where to write it; default: standard output`;

export const voidOneTimeKeysHelp = `myelin void-one-time-keys: voids the one-time keys of all devices

A one-time key that is given out twice makes messages unreadable. A database that is restored from a copy holds keys that were given out
since. The server notices that by the file of one_time_key_claims_path, and by clients that are ahead of it; where that file was restored
too, or is lost, run this once before the server starts. Clients upload new keys when they sync next.

  -c, --config FILE           the server's configuration; the server must be stopped`;
