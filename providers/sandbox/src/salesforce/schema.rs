//! Objects and fields: what describe reports and what each query checks.
//!
//! Owns: [`Object`], [`Field`], [`Kind`] and the default flags of each kind, as the recorded describes have them.
//! Invariant: a field carries the function that makes its values, so schema and data can't disagree.

use super::value::Value;
use crate::world::World;

/// Makes the value of a field for one row.
pub(super) type Cell = fn(&World, usize) -> Value;

/// The `type` of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Id,
    Reference,
    String,
    TextArea,
    Picklist,
    MultiPicklist,
    Combobox,
    Email,
    Phone,
    Url,
    EncryptedString,
    Base64,
    Boolean,
    Int,
    Long,
    Double,
    Percent,
    Currency,
    Date,
    DateTime,
    Time,
    Address,
    Location,
    AnyType,
    /// A type that no client of today knows.
    Future,
}

impl Kind {
    /// Whether fields of the kind usually are keys of groups.
    fn is_groupable(self) -> bool {
        matches!(
            self,
            Self::Boolean
                | Self::Date
                | Self::Email
                | Self::Id
                | Self::Int
                | Self::Phone
                | Self::Picklist
                | Self::Reference
                | Self::String
                | Self::TextArea
                | Self::Url
        )
    }

    /// Returns `type` and `soapType` as describe spells them.
    pub(super) fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Id => ("id", "tns:ID"),
            Self::Reference => ("reference", "tns:ID"),
            Self::String => ("string", "xsd:string"),
            Self::TextArea => ("textarea", "xsd:string"),
            Self::Picklist => ("picklist", "xsd:string"),
            Self::MultiPicklist => ("multipicklist", "xsd:string"),
            Self::Combobox => ("combobox", "xsd:string"),
            Self::Email => ("email", "xsd:string"),
            Self::Phone => ("phone", "xsd:string"),
            Self::Url => ("url", "xsd:string"),
            Self::EncryptedString => ("encryptedstring", "xsd:string"),
            Self::Base64 => ("base64", "xsd:base64Binary"),
            Self::Boolean => ("boolean", "xsd:boolean"),
            Self::Int => ("int", "xsd:int"),
            Self::Long => ("long", "xsd:long"),
            Self::Double => ("double", "xsd:double"),
            Self::Percent => ("percent", "xsd:double"),
            Self::Currency => ("currency", "xsd:double"),
            Self::Date => ("date", "xsd:date"),
            Self::DateTime => ("datetime", "xsd:dateTime"),
            Self::Time => ("time", "xsd:time"),
            Self::Address => ("address", "urn:address"),
            Self::Location => ("location", "urn:location"),
            Self::AnyType => ("anyType", "xsd:anyType"),
            Self::Future => ("quantumstate", "urn:quantumstate"),
        }
    }

    /// Tells whether values are text that is compared in the user's locale.
    pub(super) fn is_text(self) -> bool {
        matches!(
            self,
            Self::String
                | Self::TextArea
                | Self::Picklist
                | Self::Combobox
                | Self::Email
                | Self::Phone
                | Self::Url
                | Self::AnyType
        )
    }

    /// Tells whether values are numbers.
    pub(super) fn is_number(self) -> bool {
        matches!(
            self,
            Self::Int | Self::Long | Self::Double | Self::Percent | Self::Currency
        )
    }

    /// Tells whether values are record ids.
    pub(super) fn is_id(self) -> bool {
        matches!(self, Self::Id | Self::Reference)
    }
}

/// One field of an object.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: String,
    pub(super) kind: Kind,
    pub(super) length: u32,
    pub(super) precision: u32,
    pub(super) scale: u32,
    pub(super) nillable: bool,
    pub(super) filterable: bool,
    pub(super) sortable: bool,
    pub(super) groupable: bool,
    pub(super) aggregatable: bool,
    pub(super) updateable: bool,
    pub(super) formula: Option<&'static str>,
    pub(super) auto_number: bool,
    pub(super) case_sensitive: bool,
    pub(super) unique: bool,
    pub(super) external_id: bool,
    pub(super) name_field: bool,
    pub(super) encrypted: bool,
    pub(super) compound: Option<&'static str>,
    pub(super) extra_type_info: Option<&'static str>,
    pub(super) relationship: Option<&'static str>,
    pub(super) reference_to: &'static [&'static str],
    /// Name of the relationship from the parent to this object.
    pub(super) children: Option<&'static str>,
    pub(super) picklist: &'static [&'static str],
    pub(super) cell: Cell,
}

impl Field {
    /// Makes a field with the flags that are usual for its kind.
    pub(super) fn new(name: &'static str, kind: Kind, cell: Cell) -> Self {
        let queryable = !matches!(
            kind,
            Kind::Address
                | Kind::Location
                | Kind::Base64
                | Kind::EncryptedString
                | Kind::AnyType
                | Kind::Future
        );
        Self {
            name,
            label: label(name),
            kind,
            length: match kind {
                Kind::Id | Kind::Reference => 18,
                Kind::Email | Kind::Phone | Kind::Picklist => 80,
                Kind::MultiPicklist => 4099,
                kind if kind.is_text() => 255,
                Kind::EncryptedString => 175,
                _ => 0,
            },
            precision: match kind {
                Kind::Double | Kind::Percent | Kind::Currency => 18,
                Kind::MultiPicklist => 3,
                _ => 0,
            },
            scale: if kind == Kind::Currency { 2 } else { 0 },
            nillable: !matches!(kind, Kind::Id | Kind::Boolean),
            // Salesforce reports addresses as filterable although filtering on one fails.
            filterable: queryable || kind == Kind::Address,
            sortable: queryable && kind != Kind::MultiPicklist,
            groupable: kind.is_groupable(),
            aggregatable: queryable && !matches!(kind, Kind::Boolean | Kind::MultiPicklist | Kind::Time),
            updateable: kind != Kind::Id,
            formula: None,
            auto_number: false,
            case_sensitive: false,
            unique: false,
            external_id: false,
            name_field: false,
            encrypted: kind == Kind::EncryptedString,
            compound: None,
            extra_type_info: None,
            relationship: None,
            reference_to: &[],
            children: None,
            picklist: &[],
            cell,
        }
    }

    /// Sets the length in characters; above 255 the field can only be selected.
    pub(super) fn length(mut self, length: u32) -> Self {
        self.length = length;
        if length > 255 && self.kind == Kind::TextArea {
            self = self.opaque();
            self.groupable = false;
            self.aggregatable = false;
        }
        self
    }

    /// Makes the field required.
    pub(super) fn required(mut self) -> Self {
        self.nillable = false;
        self
    }

    /// Makes the field read-only.
    pub(super) fn read_only(mut self) -> Self {
        self.updateable = false;
        self
    }

    /// Takes filtering and sorting away.
    pub(super) fn opaque(mut self) -> Self {
        self.filterable = false;
        self.sortable = false;
        self
    }

    /// Sets precision and scale.
    pub(super) fn digits(mut self, precision: u32, scale: u32) -> Self {
        self.precision = precision;
        self.scale = scale;
        self
    }

    /// Makes the field a part of a compound field.
    pub(super) fn part_of(mut self, compound: &'static str) -> Self {
        self.compound = Some(compound);
        self
    }

    /// Sets the picklist values in setup order.
    pub(super) fn values(mut self, values: &'static [&'static str]) -> Self {
        self.picklist = values;
        self
    }

    /// Makes the field a formula. A text formula can't be grouped.
    pub(super) fn formula(mut self, formula: &'static str) -> Self {
        self.formula = Some(formula);
        self.updateable = false;
        if self.kind == Kind::String {
            self.length = 1300;
            self.groupable = false;
        }
        self
    }

    /// Makes the field the name of its record.
    pub(super) fn names_record(mut self) -> Self {
        self.name_field = true;
        self.nillable = false;
        self
    }

    /// Sets the relationship to the parent.
    pub(super) fn to(mut self, relationship: &'static str, objects: &'static [&'static str]) -> Self {
        self.relationship = Some(relationship);
        self.reference_to = objects;
        self
    }

    /// Sets the name of the relationship from the parent to this object.
    pub(super) fn children(mut self, name: &'static str) -> Self {
        self.children = Some(name);
        self
    }

    /// Tells whether the relationship leads to records of several objects.
    pub(super) fn polymorphic(&self) -> bool {
        self.reference_to.len() > 1
    }

    /// Tells whether the field was made by the customer or a package.
    pub(super) fn custom(&self) -> bool {
        self.name.ends_with("__c") || self.name.ends_with("__s")
    }

    /// Tells whether the field is a custom long or rich text area.
    pub(super) fn long_text(&self) -> bool {
        self.kind == Kind::TextArea && self.length > 255 && self.custom()
    }
}

/// Turns `BillingCity` into `Billing City`.
fn label(name: &str) -> String {
    let base = name.trim_end_matches("__c").trim_end_matches("__s");
    let base = base.rsplit_once("__").map_or(base, |(_, base)| base);
    let mut label = String::new();
    for c in base.chars() {
        if c.is_uppercase() && !label.is_empty() && !label.ends_with([' ', '_']) {
            label.push(' ');
        }
        label.push(if c == '_' { ' ' } else { c });
    }
    label
}

/// One object (table).
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) name: &'static str,
    pub(super) prefix: &'static str,
    pub(super) label: &'static str,
    pub(super) plural: &'static str,
    /// Rows that `/query` sees; their numbers start at 0.
    pub(super) live: usize,
    /// Soft-deleted and archived rows, numbered after the live ones; only `/queryAll` sees them.
    pub(super) deleted: usize,
    pub(super) fields: Vec<Field>,
}

impl Object {
    /// Finds a field, ignoring case.
    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        self.fields
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// Finds the field whose relationship has this name, ignoring case.
    pub(super) fn relationship(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| {
            field
                .relationship
                .is_some_and(|relationship| relationship.eq_ignore_ascii_case(name))
        })
    }

    /// Finds the field that names a record.
    pub(super) fn name_field(&self) -> Option<&Field> {
        self.fields.iter().find(|field| field.name_field)
    }

    /// Tells whether the object is custom.
    pub(super) fn custom(&self) -> bool {
        self.name.ends_with("__c")
    }

    /// Tells whether any field is a currency.
    pub(super) fn has_currency(&self) -> bool {
        self.fields.iter().any(|field| field.kind == Kind::Currency)
    }
}

/// All objects of the org.
#[derive(Debug)]
pub(super) struct Catalog {
    /// The objects in the order of describe global.
    pub(super) objects: Vec<Object>,
}

impl Catalog {
    /// Finds an object, ignoring case.
    pub(super) fn object(&self, name: &str) -> Option<&Object> {
        self.objects
            .iter()
            .find(|object| object.name.eq_ignore_ascii_case(name))
    }

    /// Finds the child object and its reference field by the name of the relationship from `parent`.
    pub(super) fn child(&self, parent: &str, relationship: &str) -> Option<(&Object, &Field)> {
        self.objects.iter().find_map(|object| {
            let field = object.fields.iter().find(|field| {
                field.reference_to.contains(&parent)
                    && field
                        .children
                        .is_some_and(|name| name.eq_ignore_ascii_case(relationship))
            })?;
            Some((object, field))
        })
    }
}
