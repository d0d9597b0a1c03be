//! The credentials that the org accepts. They are public and guard nothing but generated data.

/// Consumer key of the connected app.
pub const CLIENT_ID: &str = "3MVG9.practice.org.consumer.key";
/// Consumer secret of the connected app.
pub const CLIENT_SECRET: &str = "practice-consumer-secret";
/// Private key that signs JWT assertions, as PKCS#8 PEM.
pub const PRIVATE_KEY_PEM: &str = include_str!("keys/private_key.pem");
/// Public key that the org verifies JWT assertions with.
pub const PUBLIC_KEY_PEM: &str = include_str!("keys/public_key.pem");
/// User name of the reporting user, which the client-credentials flow runs as too.
pub const USERNAME: &str = "reporting@acme.example";
/// Password of every user.
pub const PASSWORD: &str = "practice-password";
/// Security token that the password flows append to the password.
pub const SECURITY_TOKEN: &str = "PracticeSecurityToken1";
/// Refresh token of the reporting user.
pub const REFRESH_TOKEN: &str = "5Aep861.practice.refresh.token";
/// All users that may sign in; user number n is row n of `User`.
pub const USERNAMES: &[&str] = &[
    USERNAME,
    "ana@acme.example",
    "bruno@acme.example",
    "chiara@acme.example",
    "turkish@acme.example",
];
/// Id of the organisation, as in the identity URL.
pub const ORGANIZATION_ID: &str = "00D5e000000HEcPEAW";
