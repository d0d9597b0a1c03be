//! Domain separation: a tree of domains, and whose rows a person may see.
//!
//! Owns: who sees which domain. Does not own: how a scan is restricted to them; the engine does that.
//! Invariant: a name that is unknown or ambiguous is an error, never some domain. Start at [`DomainTree`].

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::Principal;

/// One domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// Key that records carry.
    pub id: String,
    /// Name, unique among its siblings.
    pub name: String,
    /// Key of the parent; `None` at the root.
    pub parent: Option<String>,
}

/// All domains of a source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainTree {
    domains: Vec<Domain>,
}

impl DomainTree {
    /// The literal domain whose rows everyone sees.
    pub const GLOBAL: &'static str = "global";

    /// Makes the tree of these domains.
    #[must_use]
    pub fn new(domains: Vec<Domain>) -> Self {
        Self { domains }
    }

    /// Keys of the domains whose rows the principal sees: their own and the further ones, everything below them, and `global`.
    ///
    /// # Errors
    /// Returns a phrase that says why one of them is no single domain.
    pub fn visible_to(&self, principal: &Principal) -> Result<BTreeSet<String>, String> {
        let mut visible = BTreeSet::from([Self::GLOBAL.to_owned()]);
        for wanted in principal.domain.iter().chain(&principal.visible_domains) {
            visible.extend(self.subtree(self.find(wanted)?));
        }
        Ok(visible)
    }

    /// Key of the domain that `wanted` names: a key, a path such as `TOP/ACME/EMEA`, or a name that only one domain has.
    ///
    /// # Errors
    /// Returns a phrase that says why no single domain is meant.
    pub fn find(&self, wanted: &str) -> Result<&str, String> {
        if let Some(domain) = self.domains.iter().find(|domain| domain.id == wanted) {
            return Ok(&domain.id);
        }
        let path: Vec<&str> = wanted.split('/').filter(|part| !part.is_empty()).collect();
        let matching: Vec<&Domain> = self
            .domains
            .iter()
            .filter(|domain| self.ends_with(domain, &path))
            .collect();
        match matching.as_slice() {
            [only] => Ok(&only.id),
            [] => Err(format!("domain '{wanted}' does not exist")),
            _ => Err(format!(
                "domain '{wanted}' is ambiguous; give its full path or its id"
            )),
        }
    }

    /// Whether the path of `domain`, read upwards, begins with `path` read backwards. A path of several parts must
    /// reach a root, so that `A/B` does not also mean `X/A/B`.
    fn ends_with(&self, domain: &Domain, path: &[&str]) -> bool {
        let mut current = Some(domain);
        for name in path.iter().rev() {
            match current {
                Some(here) if here.name == *name => current = self.parent(here),
                _ => return false,
            }
        }
        !path.is_empty() && (path.len() == 1 || current.is_none())
    }

    fn parent(&self, domain: &Domain) -> Option<&Domain> {
        let parent = domain.parent.as_ref()?;
        self.domains.iter().find(|candidate| candidate.id == *parent)
    }

    /// Keys of the domain `root` and of everything below it. Cycles in the data end the walk.
    #[must_use]
    pub fn subtree(&self, root: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::from([root.to_owned()]);
        let mut frontier = vec![root];
        while let Some(current) = frontier.pop() {
            for domain in &self.domains {
                if domain.parent.as_deref() == Some(current) && found.insert(domain.id.clone()) {
                    frontier.push(&domain.id);
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(id: &str, name: &str, parent: Option<&str>) -> Domain {
        Domain {
            id: id.to_owned(),
            name: name.to_owned(),
            parent: parent.map(str::to_owned),
        }
    }

    fn tree() -> DomainTree {
        DomainTree::new(vec![
            domain("1", "TOP", None),
            domain("2", "ACME", Some("1")),
            domain("3", "EMEA", Some("2")),
            domain("4", "EMEA", Some("1")),
            domain("5", "Iberia", Some("3")),
        ])
    }

    #[test]
    fn a_domain_is_found_by_key_path_or_unambiguous_name() {
        assert_eq!(tree().find("3"), Ok("3"));
        assert_eq!(tree().find("TOP/ACME/EMEA"), Ok("3"));
        assert_eq!(tree().find("Iberia"), Ok("5"));
        assert_eq!(
            tree().find("ACME/EMEA"),
            Err("domain 'ACME/EMEA' does not exist".to_owned())
        );
        assert!(
            tree()
                .find("EMEA")
                .is_err_and(|reason| reason.contains("ambiguous"))
        );
    }

    #[test]
    fn a_subtree_holds_all_descendants_and_no_sibling() {
        assert_eq!(tree().subtree("2"), ["2", "3", "5"].map(str::to_owned).into());
    }

    #[test]
    fn a_cycle_ends_the_walk() {
        let cyclic = DomainTree::new(vec![domain("a", "A", Some("b")), domain("b", "B", Some("a"))]);
        assert_eq!(cyclic.subtree("a"), ["a", "b"].map(str::to_owned).into());
    }
}
