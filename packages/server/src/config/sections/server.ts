import { isServerName } from '@myelin/protocol/identifiers';

import {
  anything,
  bool,
  duration,
  group,
  integer,
  list,
  mapOf,
  maybe,
  number,
  option,
  section,
  size,
  spelt,
  text,
  textKind,
} from '../schema/index.ts';

/** An absolute http or https URL. */
export const webUrl = textKind('an absolute URL that starts with https:// or http://', (value) =>
  /^https?:$/.test(URL.parse(value)?.protocol ?? ''),
);

export const server = section('Server', {
  server_name: option(
    textKind('a server name such as "example.com" or "example.com:8448"', isServerName),
    'The domain at the end of user ids and room aliases. It can never be changed later.',
  ),
  public_baseurl: option(
    maybe(webUrl),
    'The address at which clients reach this server, without /_matrix. When it is set, /.well-known/matrix/client tells it to clients. Default: https://<server_name>/.',
    { default: null },
  ),
  serve_server_wellknown: option(bool, 'Answer /.well-known/matrix/server, sending other servers to port 443 of server_name.', {
    default: false,
  }),
  extra_well_known_client_content: option(mapOf(anything), 'More keys for /.well-known/matrix/client.', { default: {} }),
  max_request_body_size: option(size, "Myelin's own: the largest body of a request, media uploads aside.", {
    default: 13_107_200,
  }),
  well_known_support: option(
    group({
      contacts: option(
        list(
          group({
            role: option(text, 'm.role.admin, m.role.security or a role of your own.', { default: 'm.role.admin' }),
            matrix_id: option(maybe(text), 'A Matrix user id.', { default: null }),
            email_address: option(maybe(text), 'An email address.', { default: null }),
          }),
        ),
        'Whom to ask; each needs a matrix_id or an email_address.',
        { default: [] },
      ),
      support_page: option(maybe(webUrl), 'A page that helps.', { default: null }),
    }),
    "Myelin's own: what /.well-known/matrix/support says.",
    { default: {} },
  ),
  web_client_location: option(maybe(webUrl), 'Where "/" redirects to, such as the address of a web client.', { default: null }),
  pid_file: option(maybe(text), "The file that holds the process's id while the server runs in the background.", {
    default: null,
  }),
  daemonize: option(bool, 'Run in the background. A service manager does this better.', { default: false }),
  print_pidfile: option(bool, 'Print the path of the pid file before going into the background.', {
    default: false,
    support: 'ignored',
  }),
  user_agent_suffix: option(maybe(text), 'Text at the end of the User-Agent of outgoing requests.', { default: null }),
  use_frozen_dicts: option(bool, 'A debugging aid of Synapse.', { default: false, support: 'ignored' }),
  soft_file_limit: option(integer({ min: 0 }), 'The limit on open files; the one of the system holds.', {
    default: 0,
    support: 'ignored',
  }),
  gc_thresholds: option(maybe(list(integer({ min: 0 }))), "Thresholds of Python's garbage collector.", {
    default: null,
    support: 'ignored',
  }),
  gc_min_interval: option(list(duration), "Pauses of Python's garbage collector.", {
    default: ['1s', '10s', '30s'],
    support: 'ignored',
  }),
  report_stats: option(bool, 'Report usage to matrix.org. This server reports nothing to anybody.', {
    default: false,
    support: 'ignored',
  }),
  admin_contact: option(
    maybe(text),
    'How to reach who runs the server, such as mailto:admin@example.com; part of the errors of a blocked server.',
    { default: null, support: 'later' },
  ),
  hs_disabled: option(bool, 'Refuse all requests of clients with hs_disabled_message.', { default: false, support: 'later' }),
  hs_disabled_message: option(text, 'Why the server is blocked.', {
    default: 'Homeserver is currently blocked',
    support: 'later',
  }),
  enable_search: option(bool, 'Index messages, so that they can be searched.', { default: true, support: 'later' }),
  filter_timeline_limit: option(
    integer({ min: -1 }),
    'The most events of a room in one answer of sync, whatever the filter asks for; -1 for no limit.',
    { default: 100 },
  ),
  next_link_domain_whitelist: option(maybe(list(text)), 'The domains to which links of verification mails may lead on.', {
    default: null,
    support: 'later',
  }),
  request_token_inhibit_3pid_errors: option(bool, 'Do not reveal whether an email address is in use.', {
    default: false,
    support: 'later',
  }),
  templates: option(
    group({
      custom_template_directory: option(maybe(text), 'Templates of mails and pages that replace the built-in ones.', {
        default: null,
        support: 'later',
      }),
    }),
    'Templates of mails and pages.',
    { default: {} },
  ),
  enable_metrics: option(bool, 'Collect Prometheus metrics.', { default: false, support: 'later' }),
  max_upload_size: option(size, 'The largest file that a client may upload.', { default: '50M', support: 'later' }),
  user_directory: option(
    group({
      enabled: option(bool, 'Let users search for other users.', { default: true }),
      search_all_users: option(bool, 'Find every user, not only those of shared and public rooms.', { default: false }),
      prefer_local_users: option(bool, 'Put users of this server first.', { default: false }),
      exclude_remote_users: option(bool, 'Find only users of this server.', { default: false }),
      show_locked_users: option(bool, 'Find locked users as well.', { default: false }),
    }),
    'The user directory.',
    { default: {}, support: 'later' },
  ),
  limit_remote_rooms: option(
    group({
      enabled: option(bool, 'Refuse to join rooms that are too complex for this server.', { default: false }),
      complexity: option(number({ min: 0 }), 'The limit: 1 stands for 500 state events.', { default: 1 }),
      complexity_error: option(text, 'The error that the user gets.', {
        default:
          'Your homeserver is unable to join rooms this large or complex. Please speak to your server administrator, or upgrade your instance to join this room.',
      }),
      admins_can_join: option(bool, 'Server admins may join nevertheless.', { default: false }),
    }),
    'A limit on the size of rooms of other servers.',
    { default: {} },
  ),
  user_consent: option(
    maybe(
      group({
        template_dir: option(maybe(text), 'The directory of the policy documents, a directory per language in it.', {
          default: null,
        }),
        version: option(
          maybe(spelt(text, (found) => (typeof found === 'number' && Number.isInteger(found) ? found.toFixed(1) : found))),
          'The version of the policy that holds now.',
          { default: null },
        ),
        server_notice_content: option(maybe(mapOf(anything)), 'A notice that asks users to consent.', {
          default: null,
          support: 'later',
        }),
        send_server_notice_to_guests: option(bool, 'Send the notice to guests as well.', { default: false, support: 'later' }),
        block_events_error: option(maybe(text), 'Users who have not consented cannot send and get this error.', {
          default: null,
          support: 'later',
        }),
        require_at_registration: option(bool, 'New users accept the policy while they register.', { default: false }),
        policy_name: option(text, 'The name of the policy that is shown to new users.', { default: 'Privacy Policy' }),
      }),
    ),
    'The terms of service.',
    { default: null },
  ),
  background_updates: option(
    group({
      background_update_duration_ms: option(
        integer({ min: 1 }),
        'How long one step of a background update should take, in milliseconds.',
        { default: 100 },
      ),
      sleep_enabled: option(bool, 'Pause between two steps.', { default: true }),
      sleep_duration_ms: option(integer({ min: 0 }), 'The pause, in milliseconds.', { default: 1000 }),
      min_batch_size: option(integer({ min: 1 }), 'The fewest rows of a step.', { default: 1 }),
      default_batch_size: option(integer({ min: 1 }), 'The rows of the first step.', { default: 100 }),
    }),
    'The pace of changes to the database that are made while the server runs.',
    { default: {} },
  ),
});
