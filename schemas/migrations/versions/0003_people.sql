CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    made_at timestamptz,
    opens uuid NOT NULL,
    wallet_id uuid,
    kyc_level smallint NOT NULL DEFAULT 0,
    is_active boolean NOT NULL DEFAULT true,
    role text NOT NULL,
    username text NOT NULL,
    phone_number text,
    password_hash text,
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_opens_key UNIQUE (opens),
    CONSTRAINT users_wallet_id_key UNIQUE (wallet_id),
    CONSTRAINT users_username_key UNIQUE (username),
    CONSTRAINT users_phone_number_key UNIQUE (phone_number),
    CONSTRAINT users_role_known CHECK (role IN ('admin', 'seller', 'user', 'service', 'auditor')),
    CONSTRAINT users_kyc_level_known CHECK (kyc_level BETWEEN 0 AND 9)
);

CREATE TABLE api_keys (
    id bigint GENERATED ALWAYS AS IDENTITY,
    user_id bigint,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    role text,
    name text NOT NULL,
    prefix text NOT NULL,
    scopes text[] NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT api_keys_pkey PRIMARY KEY (id),
    CONSTRAINT api_keys_hash_key UNIQUE (hash),
    CONSTRAINT api_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT api_keys_one_owner CHECK ((user_id IS NULL) <> (role IS NULL)),
    CONSTRAINT api_keys_role_known CHECK (role IN ('admin', 'service', 'auditor'))
);

CREATE TABLE tokens (
    hash bytea NOT NULL,
    user_id bigint NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT tokens_pkey PRIMARY KEY (hash),
    CONSTRAINT tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX tokens_of_user ON tokens (user_id);
CREATE INDEX tokens_expiring ON tokens (expires_at);

CREATE TABLE http_audit (
    id uuid NOT NULL,
    asked_at timestamptz NOT NULL,
    user_id bigint,
    status smallint NOT NULL,
    principal text NOT NULL,
    role text NOT NULL,
    address text NOT NULL,
    method text NOT NULL,
    path text NOT NULL,
    request_id text NOT NULL,
    command_ids text[] NOT NULL,
    CONSTRAINT http_audit_pkey PRIMARY KEY (id)
) WITH (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 200000);
CREATE INDEX http_audit_of_principal ON http_audit (principal, id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON http_audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
