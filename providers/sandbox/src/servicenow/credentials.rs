//! Who may sign in to the practice instance, and with what. None of it opens anything but a practice instance.

/// OAuth client id.
pub const CLIENT_ID: &str = "c4d7e9a1b2f34e5686a7c8d9e0f1a2b3";
/// OAuth client secret.
pub const CLIENT_SECRET: &str = "practice-Client^Secret&=+ %";
/// `kid` of the JWT verifier map.
pub const KEY_ID: &str = "practice-verifier-map";
/// RSA private key that signs assertions for the JWT bearer flow.
pub const PRIVATE_KEY_PEM: &str = include_str!("practice_key.pem");
pub(super) const PUBLIC_KEY_PEM: &str = include_str!("practice_key.pub.pem");
/// User name of the integration user, who sees all domains.
pub const USERNAME: &str = "causeway.reader";
/// Password of the integration user; it has characters that a form body must encode.
pub const PASSWORD: &str = "prac+tice & 100%=pass";
/// A refresh token of the integration user.
pub const REFRESH_TOKEN: &str = "practice-refresh-token-9kQ2";
/// An API key (`x-sn-apikey`) of the integration user.
pub const API_KEY: &str = "now_practice_api_key_1";
/// Password of every user but the integration user.
pub const OTHER_PASSWORD: &str = "practice";

/// What a user may do beyond reading their own domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// Reads everything, metadata included.
    Admin,
    /// Reads all business tables.
    Itil,
    /// Has no role: business tables answer zero rows, platform tables 403.
    None,
}

/// A person who can sign in.
#[derive(Debug, Clone, Copy)]
pub struct User {
    /// `sys_user.user_name`.
    pub user_name: &'static str,
    /// Password for basic authentication and the password grant.
    pub password: &'static str,
    /// `sys_user.email`.
    pub email: &'static str,
    /// Given and family name.
    pub name: (&'static str, &'static str),
    /// Roles in short.
    pub rights: Rights,
    /// False for a user who is locked out.
    pub active: bool,
}

/// The first rows of `sys_user`, in order.
pub const USERS: &[User] = &[
    user(
        USERNAME,
        PASSWORD,
        "reader@practice.example",
        ("Causeway", "Reader"),
        Rights::Itil,
        true,
    ),
    user(
        "admin",
        OTHER_PASSWORD,
        "admin@practice.example",
        ("System", "Administrator"),
        Rights::Admin,
        true,
    ),
    user(
        "ana.lopez",
        OTHER_PASSWORD,
        "ana@acme.example",
        ("Ana", "Lopez"),
        Rights::Itil,
        true,
    ),
    user(
        "bruno.khan",
        OTHER_PASSWORD,
        "bruno@globex.example",
        ("Bruno", "Khan"),
        Rights::Itil,
        true,
    ),
    user(
        "guest.visitor",
        OTHER_PASSWORD,
        "guest@practice.example",
        ("Guest", "Visitor"),
        Rights::None,
        true,
    ),
    user(
        "locked.out",
        OTHER_PASSWORD,
        "locked@practice.example",
        ("Locked", "Out"),
        Rights::Itil,
        false,
    ),
];

const fn user(
    user_name: &'static str,
    password: &'static str,
    email: &'static str,
    name: (&'static str, &'static str),
    rights: Rights,
    active: bool,
) -> User {
    User {
        user_name,
        password,
        email,
        name,
        rights,
        active,
    }
}
