CREATE TABLE dead_letter_decisions (
    "offset" bigint NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT now(),
    partition smallint NOT NULL,
    number smallint NOT NULL,
    decision text NOT NULL,
    by text NOT NULL,
    why text,
    source text,
    command_id text,
    CONSTRAINT dead_letter_decisions_pkey PRIMARY KEY (partition, "offset", number),
    CONSTRAINT dead_letter_decisions_decision_known CHECK (decision IN ('retried', 'dropped'))
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON dead_letter_decisions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
