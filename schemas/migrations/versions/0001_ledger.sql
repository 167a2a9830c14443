CREATE TABLE partitions (
    topic text NOT NULL,
    partition smallint NOT NULL,
    epoch bigint NOT NULL DEFAULT 0,
    next_offset bigint NOT NULL DEFAULT 0,
    next_event bigint NOT NULL DEFAULT 0,
    last_result_offset bigint NOT NULL DEFAULT -1,
    floor_offset bigint NOT NULL DEFAULT -1,
    batch_offset bigint NOT NULL DEFAULT 0,
    batch_event bigint NOT NULL DEFAULT 0,
    mispartitioned bigint NOT NULL DEFAULT 0,
    arrived_wallets uuid[] NOT NULL DEFAULT '{}',
    arrived_sequences bigint[] NOT NULL DEFAULT '{}',
    owner text,
    CONSTRAINT partitions_pkey PRIMARY KEY (topic, partition),
    CONSTRAINT partitions_forward CHECK (next_offset >= batch_offset AND next_event >= batch_event)
) WITH (fillfactor = 10);

CREATE TABLE wallets (
    wallet_id uuid NOT NULL,
    balance_minor numeric(38, 0) NOT NULL,
    sequence bigint NOT NULL,
    updated_at timestamptz NOT NULL,
    partition smallint NOT NULL,
    status smallint NOT NULL,
    currency varchar(3) NOT NULL,
    CONSTRAINT wallets_pkey PRIMARY KEY (wallet_id),
    CONSTRAINT wallets_never_negative CHECK (balance_minor >= 0),
    CONSTRAINT wallets_sequence_counts CHECK (sequence >= 1),
    CONSTRAINT wallets_status_known CHECK (status BETWEEN 0 AND 2)
) WITH (fillfactor = 50);

CREATE TABLE profiles (
    wallet_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    owner json,
    metadata json,
    CONSTRAINT profiles_pkey PRIMARY KEY (wallet_id)
);

CREATE TABLE commands (
    command_key uuid NOT NULL,
    fingerprint uuid NOT NULL,
    transaction_id uuid,
    "offset" bigint NOT NULL,
    partition smallint NOT NULL,
    result text NOT NULL,
    details text,
    CONSTRAINT commands_pkey PRIMARY KEY (command_key),
    CONSTRAINT commands_transaction_id_key UNIQUE (transaction_id)
) WITH (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 200000);
-- Vacuum summarises: BRIN's own autosummarize asks for each range by a queue of 256 places, and
-- once it is full logs every refusal together with the whole statement, a megabyte each time.
CREATE INDEX commands_position ON commands USING brin (partition, "offset")
    WITH (pages_per_range = 16);

CREATE TABLE entries (
    account_id uuid NOT NULL,
    transaction_id uuid NOT NULL,
    sequence bigint,
    amount_minor numeric(38, 0) NOT NULL,
    balance_minor numeric(38, 0),
    currency varchar(3) NOT NULL,
    CONSTRAINT entries_world_has_no_balance CHECK ((sequence IS NULL) = (balance_minor IS NULL)),
    CONSTRAINT entries_never_negative CHECK (balance_minor >= 0)
) WITH (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 200000);
CREATE UNIQUE INDEX entries_of_wallet ON entries (account_id, sequence)
    WHERE sequence IS NOT NULL;
CREATE INDEX entries_of_transaction ON entries USING brin (transaction_id)
    WITH (pages_per_range = 16);

-- Rows come and go with every transfer between partitions: vacuumed by number, not by share.
CREATE TABLE arrivals (
    wallet_id uuid NOT NULL,
    sequence bigint NOT NULL,
    partition smallint NOT NULL,
    event text NOT NULL,
    CONSTRAINT arrivals_pkey PRIMARY KEY (partition, wallet_id, sequence)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);

CREATE TABLE refunds (
    transaction_id uuid NOT NULL,
    refund_id uuid NOT NULL,
    amount_minor numeric(38, 0) NOT NULL,
    CONSTRAINT refunds_pkey PRIMARY KEY (transaction_id, refund_id),
    CONSTRAINT refunds_positive CHECK (amount_minor > 0)
);

CREATE TABLE withdrawals (
    withdrawal_id uuid NOT NULL,
    wallet_id uuid NOT NULL,
    amount_minor numeric(38, 0) NOT NULL,
    due_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    partition smallint NOT NULL,
    status smallint NOT NULL,
    currency varchar(3) NOT NULL,
    target text,
    reason text,
    CONSTRAINT withdrawals_pkey PRIMARY KEY (withdrawal_id),
    CONSTRAINT withdrawals_positive CHECK (amount_minor > 0),
    CONSTRAINT withdrawals_status_known CHECK (status BETWEEN 0 AND 5)
) WITH (fillfactor = 80);
CREATE INDEX withdrawals_due ON withdrawals (partition, due_at, withdrawal_id) WHERE status = 0;
CREATE INDEX withdrawals_in_transit ON withdrawals (partition, changed_at)
    WHERE status IN (1, 2);
CREATE INDEX withdrawals_of_wallet ON withdrawals (wallet_id, withdrawal_id);
CREATE INDEX withdrawals_to_target ON withdrawals (target, withdrawal_id)
    WHERE target IS NOT NULL;

CREATE TABLE credit_requests (
    credit_request_id uuid NOT NULL,
    wallet_id uuid NOT NULL,
    amount_minor numeric(38, 0) NOT NULL,
    number bigint NOT NULL,
    requested_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    status smallint NOT NULL,
    currency varchar(3) NOT NULL,
    by text,
    reason text,
    CONSTRAINT credit_requests_pkey PRIMARY KEY (credit_request_id),
    CONSTRAINT credit_requests_number_key UNIQUE (number),
    CONSTRAINT credit_requests_positive CHECK (amount_minor > 0),
    CONSTRAINT credit_requests_status_known CHECK (status BETWEEN 0 AND 2)
) WITH (fillfactor = 80);
CREATE INDEX credit_requests_pending ON credit_requests (number) WHERE status = 0;
CREATE INDEX credit_requests_of_wallet ON credit_requests (wallet_id, number);

CREATE TABLE bank_calls (
    withdrawal_id uuid NOT NULL,
    begun_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    calls integer NOT NULL,
    not_done integer NOT NULL,
    state smallint NOT NULL,
    note text,
    CONSTRAINT bank_calls_pkey PRIMARY KEY (withdrawal_id)
) WITH (fillfactor = 60);

CREATE TABLE clock (
    ahead_ms bigint NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT clock_pkey PRIMARY KEY (ahead_ms),
    CONSTRAINT clock_forward CHECK (ahead_ms > 0)
);

CREATE TABLE dead_letters (
    "offset" bigint NOT NULL,
    partition smallint NOT NULL,
    reason text NOT NULL,
    record json NOT NULL,
    CONSTRAINT dead_letters_pkey PRIMARY KEY (partition, "offset")
);

-- What was written stays written. A statement trigger costs inserts nothing.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'WS003';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON commands
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON refunds
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON clock
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Step 6 of the commit protocol, first half: compare and set, lock, then look.
-- Each statement of a volatile function sees a new snapshot, which is what the order relies on.
-- Answers are text, a line a row: the cheapest form for psycopg2 to carry.
CREATE FUNCTION open_batch(
    my_topic text, my_partition smallint, my_epoch bigint, first_offset bigint, end_offset bigint,
    wallet_ids uuid[], command_keys uuid[], most_arrivals integer,
    OUT wallet_rows text, OUT seen text, OUT arrived text, OUT clock_ahead_ms bigint
) LANGUAGE plpgsql AS $$
DECLARE
    found_rows integer;
BEGIN
    UPDATE partitions
    SET next_offset = end_offset, floor_offset = last_result_offset,
        batch_offset = first_offset, batch_event = next_event,
        arrived_wallets = '{}', arrived_sequences = '{}'
    WHERE topic = my_topic AND partition = my_partition
        AND epoch = my_epoch AND next_offset = first_offset;
    GET DIAGNOSTICS found_rows = ROW_COUNT;
    IF found_rows <> 1 THEN
        RAISE EXCEPTION 'fenced: % % is no longer at epoch %, offset %',
            my_topic, my_partition, my_epoch, first_offset USING ERRCODE = 'WS001';
    END IF;

    SELECT count(*), string_agg(concat_ws(' ', w.wallet_id, w.partition, w.currency, w.status,
                                          w.balance_minor, w.sequence), E'\n')
    INTO found_rows, wallet_rows
    FROM (SELECT * FROM wallets WHERE wallet_id = ANY(wallet_ids)
          ORDER BY wallet_id FOR UPDATE) AS w;
    -- A wallet made while we waited for the locks is not in that statement's snapshot, but a
    -- command we now come after may have seen it. Look again, with every lock in hand: whatever
    -- is still missing was made by nobody we come after (I10).
    IF found_rows < cardinality(wallet_ids) THEN
        SELECT string_agg(concat_ws(' ', w.wallet_id, w.partition, w.currency, w.status,
                                    w.balance_minor, w.sequence), E'\n')
        INTO wallet_rows
        FROM (SELECT * FROM wallets WHERE wallet_id = ANY(wallet_ids)
              ORDER BY wallet_id FOR UPDATE) AS w;
    END IF;

    SELECT string_agg(concat_ws(' ', c.command_key, c.fingerprint), E'\n') INTO seen
    FROM commands AS c WHERE c.command_key = ANY(command_keys);

    -- All that waits for the wallets we hold (their own events come after it), and of the rest
    -- a share. What is seen of a wallet is a prefix of its sequence: a commit is visible before
    -- its locks are free.
    WITH mine AS (
        SELECT a.wallet_id, a.sequence FROM arrivals AS a
        WHERE a.partition = my_partition AND a.wallet_id = ANY(wallet_ids)
        UNION
        (SELECT a.wallet_id, a.sequence FROM arrivals AS a
         WHERE a.partition = my_partition
         ORDER BY a.wallet_id, a.sequence LIMIT most_arrivals)
    ), taken AS (
        DELETE FROM arrivals AS a USING mine
        WHERE a.partition = my_partition AND a.wallet_id = mine.wallet_id
            AND a.sequence = mine.sequence
        RETURNING a.wallet_id, a.sequence, a.event
    )
    SELECT string_agg(concat_ws(' ', t.wallet_id, t.sequence, t.event), E'\n'
                      ORDER BY t.wallet_id, t.sequence)
    INTO arrived FROM taken AS t;

    SELECT coalesce(max(ahead_ms), 0) INTO clock_ahead_ms FROM clock;
END $$;

-- The withdrawals of a batch that the database knew before, as they are after it. Their wallets are
-- locked; that each still has the status it was read with is said once more here.
CREATE FUNCTION change_withdrawals(
    changed uuid[], old_statuses smallint[], new_statuses smallint[], moments bigint[],
    reasons text[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    found_rows integer;
BEGIN
    UPDATE withdrawals AS w
    SET status = v.new, changed_at = to_timestamp(v.moment / 1000.0), reason = v.reason
    FROM unnest(changed, old_statuses, new_statuses, moments, reasons)
        AS v (id, old, new, moment, reason)
    WHERE w.withdrawal_id = v.id AND w.status = v.old;
    GET DIAGNOSTICS found_rows = ROW_COUNT;
    IF found_rows <> cardinality(changed) THEN
        RAISE EXCEPTION 'a withdrawal changed under its wallet''s lock' USING ERRCODE = 'WS002';
    END IF;
END $$;

-- The same for credit requests.
CREATE FUNCTION change_credit_requests(
    changed uuid[], old_statuses smallint[], new_statuses smallint[], moments bigint[],
    people text[], reasons text[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    found_rows integer;
BEGIN
    UPDATE credit_requests AS c
    SET status = v.new, changed_at = to_timestamp(v.moment / 1000.0), by = v.by,
        reason = v.reason
    FROM unnest(changed, old_statuses, new_statuses, moments, people, reasons)
        AS v (id, old, new, moment, by, reason)
    WHERE c.credit_request_id = v.id AND c.status = v.old;
    GET DIAGNOSTICS found_rows = ROW_COUNT;
    IF found_rows <> cardinality(changed) THEN
        RAISE EXCEPTION 'a credit request changed under its wallet''s lock'
            USING ERRCODE = 'WS002';
    END IF;
END $$;

-- Step 6, second half: everything decided, as sets.
CREATE FUNCTION write_batch(
    my_topic text, my_partition smallint, my_epoch bigint,
    events integer, last_result bigint, strays integer,
    taken_wallets uuid[], taken_sequences bigint[],
    keys uuid[], fingerprints uuid[], transactions uuid[], offsets bigint[],
    results text, detail_lines text,
    entry_accounts uuid[], entry_transactions uuid[], entry_sequences bigint[],
    entry_amounts numeric[], entry_balances numeric[], entry_currencies text[],
    entry_worlds smallint[], worlds uuid[],
    changed uuid[], new_balances numeric[], old_sequences bigint[], new_sequences bigint[],
    new_statuses smallint[], moments bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    found_rows integer;
BEGIN
    UPDATE partitions
    SET next_event = next_event + events,
        last_result_offset = greatest(last_result_offset, last_result),
        mispartitioned = mispartitioned + strays,
        arrived_wallets = taken_wallets, arrived_sequences = taken_sequences
    WHERE topic = my_topic AND partition = my_partition AND epoch = my_epoch;

    INSERT INTO commands (command_key, fingerprint, transaction_id, "offset", partition,
                          result, details)
    SELECT v.k, v.f, v.t, v.o, my_partition, v.r, v.d
    FROM unnest(keys, fingerprints, transactions, offsets, string_to_array(results, E'\n'),
                string_to_array(detail_lines, E'\n', '')) AS v (k, f, t, o, r, d);

    INSERT INTO entries (account_id, transaction_id, sequence, amount_minor, balance_minor,
                         currency)
    SELECT * FROM unnest(entry_accounts, entry_transactions, entry_sequences, entry_amounts,
                         entry_balances, entry_currencies);
    -- The other side of what a wallet gave to or took from an account of the world.
    INSERT INTO entries (account_id, transaction_id, amount_minor, currency)
    SELECT worlds[v.world], v.transaction, -v.amount, v.currency
    FROM unnest(entry_transactions, entry_amounts, entry_currencies, entry_worlds)
        AS v (transaction, amount, currency, world)
    WHERE v.world > 0;
    -- Double entry between wallets, said once more where no program of ours can forget it.
    IF EXISTS (SELECT 1 FROM unnest(entry_amounts, entry_currencies, entry_worlds)
                   AS v (amount, currency, world)
               WHERE v.world = 0 GROUP BY v.currency HAVING sum(v.amount) <> 0) THEN
        RAISE EXCEPTION 'the entries of a batch do not sum to zero' USING ERRCODE = 'WS002';
    END IF;

    UPDATE wallets AS w
    SET balance_minor = v.balance, sequence = v.new, status = v.status,
        updated_at = to_timestamp(v.moment / 1000.0)
    FROM unnest(changed, new_balances, old_sequences, new_sequences, new_statuses, moments)
        AS v (id, balance, old, new, status, moment)
    WHERE w.wallet_id = v.id AND w.sequence = v.old;
    GET DIAGNOSTICS found_rows = ROW_COUNT;
    -- Guarded by version as well as by lock (DESIGN.md 3).
    IF found_rows <> cardinality(changed) THEN
        RAISE EXCEPTION 'a wallet changed under its lock' USING ERRCODE = 'WS002';
    END IF;
END $$;
