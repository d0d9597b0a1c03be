//! The facts that both practice orgs agree on: accounts, their ids on each side, domains, people.
//!
//! Owns: names and keys. Does not own: tables; each org builds its own rows from these.
//! Invariant: everything is a pure function of seed and index, so tables can be made lazily and in any order.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// A domain of the ServiceNow instance: `(name, index of the parent)`. Index 0 is the root `TOP`.
///
/// `global` is not in the tree; it is a literal value of `sys_domain`.
pub const DOMAINS: &[(&str, Option<usize>)] = &[
    ("TOP", None),
    ("ACME", Some(0)),
    ("EMEA", Some(1)),
    ("Iberia", Some(2)),
    ("DACH", Some(2)),
    ("Americas", Some(1)),
    ("GLOBEX", Some(0)),
    ("APAC", Some(6)),
];

/// An account that exists on both sides (or, for a dangling one, is named by one side only).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Position, from 0.
    pub index: usize,
    /// Company name; the first ones are awkward on purpose.
    pub name: String,
    /// 18-character id of the Salesforce account.
    pub salesforce_id: String,
    /// `sys_id` of the ServiceNow account.
    pub sys_id: String,
    /// Index into [`DOMAINS`], or `None` for `global`.
    pub domain: Option<usize>,
}

/// Names that break careless software; they are the first accounts after `Boxeo` and `Megacorp`.
const AWKWARD_NAMES: &[&str] = &[
    "boxeo",
    "BOXEO",
    "O'Brien & Sons",
    "Back\\slash \"Quoted\" Ltd",
    "100% Cotton_Wool",
    "Caret^Comma,Co",
    "Résumé Café",
    "Resume Cafe",
    "Zażółć 🚀 Rockets",
    "Two\nLines GmbH",
    "javascript:gs.getUserID()",
    "Trailing blank ",
    "İstanbul SERVİCE",
    "NULL",
    "' OR 1=1 --",
    "Comma, Inc.",
];

const FIRST: &[&str] = &[
    "Aurora",
    "Beacon",
    "Cobalt",
    "Delta",
    "Ember",
    "Falcon",
    "Granite",
    "Harbor",
    "Iris",
    "Juniper",
    "Kestrel",
    "Lumen",
    "Meridian",
    "Northwind",
    "Orchid",
    "Pinnacle",
    "Quartz",
    "Redwood",
    "Summit",
    "Tundra",
    "Umber",
    "Vertex",
    "Willow",
    "Zenith",
];
const SECOND: &[&str] = &[
    "Logistics",
    "Foods",
    "Energy",
    "Systems",
    "Health",
    "Textiles",
    "Media",
    "Robotics",
    "Insurance",
    "Mining",
    "Travel",
    "Pharma",
    "Steel",
    "Software",
    "Marine",
    "Optics",
];
const THIRD: &[&str] = &["Inc", "Ltd", "GmbH", "SA", "Group", "Partners", "AB", "BV"];

const GIVEN: &[&str] = &[
    "Ana", "Bruno", "Chiara", "Dmitri", "Elif", "Fatima", "Grace", "Hiroshi", "Ines", "Jonas", "Keiko",
    "Liam", "Mei", "Noor", "Oscar", "Priya", "Quentin", "Rosa", "Sven", "Tariq", "Uma", "Viktor", "Wanda",
    "Yusuf",
];
const FAMILY: &[&str] = &[
    "Lopez", "O'Neil", "Müller", "Sato", "Ivanova", "Khan", "Nguyen", "Silva", "Rossi", "Dubois", "Kowalski",
    "Smith", "García", "Yılmaz", "Andersen", "Okafor",
];

/// Everything both orgs derive their rows from.
#[derive(Debug, Clone)]
pub struct World {
    /// Seed of all generated data.
    pub seed: u64,
    /// Multiplies the row counts.
    pub scale: usize,
}

impl World {
    /// Makes the world of `seed` at `scale`.
    #[must_use]
    pub fn new(seed: u64, scale: usize) -> Self {
        Self { seed, scale }
    }

    /// Number of accounts: 500 at scale 1.
    #[must_use]
    pub fn accounts(&self) -> usize {
        500 * self.scale
    }

    /// A number that depends on nothing but seed, `what` and `index`.
    #[must_use]
    pub fn noise(&self, what: &str, index: usize) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.seed, what, index).hash(&mut hasher);
        hasher.finish()
    }

    /// The account at `index`. 0 is `Boxeo`; 1 is `Megacorp`, which has 3,000 opportunities; 2 to 17 have awkward names.
    #[must_use]
    pub fn account(&self, index: usize) -> Account {
        let name = self.account_name(index);
        let domain = match index {
            0 => Some(3),
            1 => Some(7),
            _ => match self.noise("domain", index) % 10 {
                0 => None,
                n => Some(usize::try_from(n).unwrap_or_default() % DOMAINS.len()),
            },
        };
        Account {
            index,
            name,
            salesforce_id: salesforce_id("001", index),
            sys_id: self.sys_id("customer_account", index),
            domain,
        }
    }

    /// The name of the account at `index`.
    #[must_use]
    pub fn account_name(&self, index: usize) -> String {
        match index {
            0 => "Boxeo".to_owned(),
            1 => "Megacorp".to_owned(),
            _ => match AWKWARD_NAMES.get(index - 2) {
                Some(name) => (*name).to_owned(),
                None => self.company(index),
            },
        }
    }

    fn company(&self, index: usize) -> String {
        let noise = self.noise("company", index);
        let base = format!(
            "{} {} {}",
            pick(FIRST, noise),
            pick(SECOND, noise >> 8),
            pick(THIRD, noise >> 16)
        );
        if index < 2000 {
            base
        } else {
            format!("{base} {index}")
        }
    }

    /// Given and family name of person `index` of a `kind` such as `contact`.
    #[must_use]
    pub fn person(&self, kind: &str, index: usize) -> (String, String) {
        let noise = self.noise(kind, index);
        (pick(GIVEN, noise).to_owned(), pick(FAMILY, noise >> 8).to_owned())
    }

    /// A 32-digit lower-case hexadecimal key, unique for `(table, index)`.
    #[must_use]
    pub fn sys_id(&self, table: &str, index: usize) -> String {
        format!(
            "{:016x}{:016x}",
            self.noise(table, index),
            (self.noise(table, 0) ^ index as u64)
        )
    }

    /// `sys_id` of domain `index` of [`DOMAINS`], or the literal `global`.
    #[must_use]
    pub fn domain_id(&self, index: Option<usize>) -> String {
        index.map_or_else(|| "global".to_owned(), |index| self.sys_id("domain", index))
    }
}

fn pick<'a>(list: &[&'a str], noise: u64) -> &'a str {
    let index = usize::try_from(noise % list.len() as u64).unwrap_or_default();
    list.get(index).copied().unwrap_or_default()
}

/// The 18-character id number `index` of the object with this three-character key prefix.
#[must_use]
pub fn salesforce_id(prefix: &str, index: usize) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut rest = index;
    let mut tail = Vec::new();
    for _ in 0..7 {
        tail.push(DIGITS.get(rest % 62).copied().unwrap_or(b'0'));
        rest /= 62;
    }
    tail.reverse();
    let id15 = format!("{prefix}5e000{}", String::from_utf8_lossy(&tail));
    let suffix = id_suffix(&id15);
    format!("{id15}{suffix}")
}

/// The three check characters of a 15-character Salesforce id: one per five characters, a bit for each upper-case letter.
#[must_use]
pub fn id_suffix(id15: &str) -> String {
    const CHECK: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    id15.as_bytes()
        .chunks(5)
        .map(|chunk| {
            let bits = chunk.iter().enumerate().fold(0, |bits, (at, byte)| {
                bits | usize::from(byte.is_ascii_uppercase()) << at
            });
            char::from(CHECK.get(bits).copied().unwrap_or(b'A'))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_carry_the_documented_check_characters() {
        assert_eq!(id_suffix("001D000000IRFma"), "IAH");
        assert_eq!(salesforce_id("001", 0).len(), 18);
        assert_ne!(salesforce_id("001", 10), salesforce_id("001", 36));
    }

    #[test]
    fn the_same_seed_gives_the_same_account() {
        assert_eq!(World::new(7, 1).account(99), World::new(7, 1).account(99));
        assert_ne!(
            World::new(7, 1).account(99).name,
            World::new(8, 1).account(99).name
        );
    }
}
