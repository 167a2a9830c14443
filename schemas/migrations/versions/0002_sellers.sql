CREATE TABLE sellers (
    wallet_id uuid NOT NULL,
    number bigint,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    counted_sequence bigint NOT NULL DEFAULT 0,
    name text NOT NULL,
    email text NOT NULL,
    phone text NOT NULL,
    CONSTRAINT sellers_pkey PRIMARY KEY (wallet_id),
    CONSTRAINT sellers_number_key UNIQUE (number),
    CONSTRAINT sellers_email_key UNIQUE (email),
    CONSTRAINT sellers_phone_key UNIQUE (phone)
);

CREATE TABLE charged_phones (
    phone_number text NOT NULL,
    total_minor numeric NOT NULL,
    first_at timestamptz NOT NULL,
    CONSTRAINT charged_phones_pkey PRIMARY KEY (phone_number)
);

CREATE TABLE phone_sales (
    phone_number text NOT NULL,
    transaction_id uuid NOT NULL,
    wallet_id uuid NOT NULL,
    sequence bigint NOT NULL,
    CONSTRAINT phone_sales_pkey PRIMARY KEY (phone_number, transaction_id)
);

-- Brings charged_phones and phone_sales up to what the sellers have sold: from each seller's
-- journal the entries after `counted_sequence`, at most `most` of some sellers; whether it found any.
-- One transaction moves the sequences and adds the sums, so that every sale is counted once; a
-- wallet's sequence has no gaps and is seen as a prefix, so that none is passed by.
CREATE FUNCTION count_phones(most integer) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    found_entries integer;
BEGIN
    -- One at a time; the statements below see what the one before has committed.
    PERFORM pg_advisory_xact_lock(7236115);
    WITH behind AS (
        SELECT s.wallet_id, s.counted_sequence
        FROM sellers AS s JOIN wallets AS w USING (wallet_id)
        WHERE w.sequence > s.counted_sequence
        ORDER BY s.wallet_id LIMIT 50
    ), taken AS MATERIALIZED (
        SELECT e.account_id, e.sequence, e.transaction_id, e.amount_minor
        FROM behind AS b CROSS JOIN LATERAL (
            SELECT * FROM entries AS own
            WHERE own.account_id = b.wallet_id AND own.sequence > b.counted_sequence
            ORDER BY own.sequence LIMIT most
        ) AS e
        ORDER BY e.account_id, e.sequence LIMIT most
    ), moved AS (
        UPDATE sellers AS s SET counted_sequence = t.last
        FROM (SELECT account_id, max(sequence) AS last FROM taken GROUP BY account_id) AS t
        WHERE s.wallet_id = t.account_id
    ), sold AS MATERIALIZED (
        SELECT t.account_id, t.sequence, t.transaction_id, -t.amount_minor AS paid,
            regexp_replace(c.details::json ->> 'phone_number', '[^0-9]', '', 'g') AS phone,
            to_timestamp(('x' || left(replace(t.transaction_id::text, '-', ''), 12))::bit(48)::bigint
                         / 1000.0) AS sold_at
        FROM taken AS t JOIN commands AS c USING (transaction_id)
        WHERE t.amount_minor < 0 AND c.details LIKE '%"phone_number"%'
            AND c.details::json ->> 'phone_number' IS NOT NULL
    ), listed AS (
        INSERT INTO phone_sales (phone_number, transaction_id, wallet_id, sequence)
        SELECT phone, transaction_id, account_id, sequence FROM sold
    ), summed AS (
        INSERT INTO charged_phones AS p (phone_number, total_minor, first_at)
        SELECT phone, sum(paid), min(sold_at) FROM sold GROUP BY phone
        ON CONFLICT (phone_number) DO UPDATE
        SET total_minor = p.total_minor + excluded.total_minor,
            first_at = least(p.first_at, excluded.first_at)
    )
    SELECT count(*) INTO found_entries FROM taken;
    RETURN found_entries > 0;
END $$;
