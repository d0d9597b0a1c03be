//! The fields of an object as one user sees them under the semantics in force.
//!
//! Owns: field-level security, `CurrencyIsoCode`, flags that lie. Does not own: the fields themselves; see `data`.
//! Invariant: describe and queries differ only in the flags that lie.

use super::schema::{Field, Kind, Object};
use super::switches::{Flag, Semantics};
use super::value::Value;

/// Case variants that a picklist holds when the switch says so.
const PICKLIST_VARIANTS: [&str; 4] = ["High", "HIGH", "high", "Low"];

/// The field that objects with a currency have in a multi-currency org.
fn currency_code() -> Field {
    Field::new("CurrencyIsoCode", Kind::Picklist, |world, row| {
        let codes = ["EUR", "USD", "JPY"];
        let at = usize::try_from(world.noise("currency code", row) % 3).unwrap_or_default();
        Value::Text(codes.get(at).copied().unwrap_or("EUR").into())
    })
    .values(&["EUR", "JPY", "USD"])
    .required()
}

impl Object {
    /// The fields that the user may see, as describe reports them.
    pub(super) fn visible_fields(&self, semantics: &Semantics, user: &str) -> Vec<Field> {
        let currency = (semantics.multi_currency && self.has_currency()).then(currency_code);
        self.fields
            .iter()
            .cloned()
            .chain(currency)
            .filter(|field| self.shows(field, semantics, user))
            .map(|field| self.adapted(field, semantics, true))
            .collect()
    }

    /// Finds a field that the user may see, ignoring case, as queries treat it.
    pub(super) fn visible_field(&self, name: &str, semantics: &Semantics, user: &str) -> Option<Field> {
        let field = match self.field(name) {
            Some(field) => field.clone(),
            None if semantics.multi_currency
                && self.has_currency()
                && name.eq_ignore_ascii_case("CurrencyIsoCode") =>
            {
                currency_code()
            }
            None => return None,
        };
        self.shows(&field, semantics, user)
            .then(|| self.adapted(field, semantics, false))
    }

    fn shows(&self, field: &Field, semantics: &Semantics, user: &str) -> bool {
        field.name == "Id" || semantics.shows_field(user, self.name, field.name)
    }

    /// Sets the flags that lie to `told`, and the data that a switch changes.
    fn adapted(&self, mut field: Field, semantics: &Semantics, told: bool) -> Field {
        for flag in semantics.lies(self.name, field.name) {
            match flag {
                Flag::Filterable => field.filterable = told,
                Flag::Sortable => field.sortable = told,
                Flag::Groupable => field.groupable = told,
                Flag::Aggregatable => field.aggregatable = told,
            }
        }
        if semantics.picklist_case_variants && field.name == "acme__Pick__c" {
            field.cell =
                |_, row| Value::Text(PICKLIST_VARIANTS.get(row % 4).copied().unwrap_or("Low").into());
        }
        field
    }
}
