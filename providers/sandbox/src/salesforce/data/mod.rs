//! The org's data: row counts, shared distributions and the list of objects.
//!
//! Owns: what every object has in common. Each object's own fields are in the sibling files.
//! Invariant: a value is a pure function of seed, field and row number; nothing is stored, whatever the scale.

mod accounts;
mod everything;
mod people;
mod products;
mod sales;
mod service;

use super::schema::{Catalog, Cell, Field, Kind, Object};
use super::value::{Id, Value, days};
use crate::world::World;

pub(super) use service::attachment_body;

/// Object names used in reference lists.
const USER: &[&str] = &["User"];

/// Makes the catalog of all objects for `world`.
pub(super) fn catalog(world: &World) -> Catalog {
    Catalog {
        objects: vec![
            accounts::account(world),
            accounts::contact(world),
            sales::opportunity(world),
            sales::lead(world),
            products::line_item(world),
            products::product(),
            products::pricebook(),
            products::pricebook_entry(),
            products::asset(world),
            service::case(world),
            service::task(world),
            service::event(world),
            service::attachment(),
            people::user(),
            people::group(),
            people::record_type(),
            everything::everything(world),
        ],
    }
}

/// Live contacts.
fn contacts(world: &World) -> usize {
    1000 * world.scale
}

/// Live opportunities: 3,000 spread over the accounts and 3,000 of `Megacorp`.
fn opportunities(world: &World) -> usize {
    3000 * world.scale + 3000
}

/// Live cases.
fn cases(world: &World) -> usize {
    1500 * world.scale
}

/// Users.
const USERS: usize = 40;

/// Reduces noise to a number below `below`.
fn below(noise: u64, below: usize) -> usize {
    usize::try_from(noise % (below.max(1) as u64)).unwrap_or_default()
}

/// Picks from a list by noise.
fn pick(world: &World, what: &str, row: usize, list: &[&'static str]) -> &'static str {
    list.get(below(world.noise(what, row), list.len()))
        .copied()
        .unwrap_or_default()
}

/// Tells whether something with this probability holds for the row.
fn chance(world: &World, what: &str, row: usize, percent: usize) -> bool {
    below(world.noise(what, row), 100) < percent
}

/// Picks a text, or null with the given probability.
fn maybe(world: &World, what: &str, row: usize, null_percent: usize, list: &[&'static str]) -> Value {
    let noise = world.noise(what, row);
    if below(noise >> 32, 100) < null_percent {
        return Value::Null;
    }
    Value::Text(
        list.get(below(noise, list.len()))
            .copied()
            .unwrap_or_default()
            .into(),
    )
}

/// A whole number of `0..bound` from noise.
fn whole(world: &World, what: &str, row: usize, bound: usize) -> i64 {
    i64::try_from(below(world.noise(what, row), bound)).unwrap_or_default()
}

/// An amount with two decimals below `bound`.
fn amount(world: &World, what: &str, row: usize, bound: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "cents stay below 2^53")]
    let cents = whole(world, what, row, bound * 100) as f64;
    cents / 100.0
}

/// A date; about one in 90 is at the edge of a year or a leap day.
fn date(world: &World, what: &str, row: usize) -> i64 {
    match below(world.noise(what, row), 360) {
        0 => days(2023, 12, 31),
        1 => days(2024, 1, 1),
        2 => days(2024, 2, 29),
        3 => days(2025, 12, 31),
        _ => days(2023, 1, 1) + whole(world, what, row ^ 0x5a5a, 1460),
    }
}

/// A moment; about one in 90 is the last or first second of a year.
fn moment(world: &World, what: &str, row: usize) -> i64 {
    match below(world.noise(what, row), 360) {
        0 => days(2023, 12, 31) * 86_400 + 86_399,
        1 => days(2024, 1, 1) * 86_400,
        2 => days(2024, 12, 31) * 86_400 + 86_399,
        3 => days(2024, 2, 29) * 86_400 + 86_399,
        _ => days(2023, 1, 1) * 86_400 + whole(world, what, row ^ 0x5a5a, 1000 * 86_400),
    }
}

/// An id of a random user.
fn user_id(world: &World, what: &str, row: usize) -> Value {
    Value::Id(Id::new("005", below(world.noise(what, row), USERS)))
}

/// Makes the `Id` field; `cell` must give ids of the object's prefix.
fn id_field(label: &str, cell: Cell) -> Field {
    let mut field = Field::new("Id", Kind::Id, cell);
    label.clone_into(&mut field.label);
    field
}

/// Makes a name field of type string.
fn name_field(length: u32, cell: Cell) -> Field {
    Field::new("Name", Kind::String, cell)
        .length(length)
        .names_record()
}

/// Makes a reference field.
fn reference(
    name: &'static str,
    relationship: &'static str,
    objects: &'static [&'static str],
    children: &'static str,
    cell: Cell,
) -> Field {
    let field = Field::new(name, Kind::Reference, cell).to(relationship, objects);
    if children.is_empty() {
        field
    } else {
        field.children(children)
    }
}

/// The fields that every standard object ends with; `deleted` tells which rows are in the recycle bin.
fn audit(deleted: Cell) -> Vec<Field> {
    vec![
        Field::new("IsDeleted", Kind::Boolean, deleted).read_only(),
        Field::new("CreatedDate", Kind::DateTime, |w, i| {
            Value::DateTime(moment(w, "created", i))
        })
        .required()
        .read_only(),
        reference("CreatedById", "CreatedBy", USER, "", |w, i| {
            user_id(w, "created by", i)
        })
        .required()
        .read_only(),
        Field::new("LastModifiedDate", Kind::DateTime, modified)
            .required()
            .read_only(),
        reference("LastModifiedById", "LastModifiedBy", USER, "", |w, i| {
            user_id(w, "modified by", i)
        })
        .required()
        .read_only(),
        Field::new("SystemModstamp", Kind::DateTime, modified)
            .required()
            .read_only(),
    ]
}

fn modified(world: &World, row: usize) -> Value {
    Value::DateTime(moment(world, "created", row) + whole(world, "modified", row, 200 * 86_400))
}

/// The parts of an address and the compound, in describe order. `cells` are street, city, state, code, country, latitude, longitude.
struct Address {
    names: [&'static str; 8],
    compound: &'static str,
    street: Cell,
    city: Cell,
    state: Cell,
    code: Cell,
    country: Cell,
    latitude: Cell,
    longitude: Cell,
    whole: Cell,
}

const ACCURACY: &[&str] = &["Address", "NearAddress", "Block", "Street", "City"];

impl Address {
    fn fields(self) -> Vec<Field> {
        let [street, city, state, code, country, latitude, longitude, accuracy] = self.names;
        let mut fields = vec![
            Field::new(street, Kind::TextArea, self.street),
            Field::new(city, Kind::String, self.city).length(40),
            Field::new(state, Kind::String, self.state).length(80),
            Field::new(code, Kind::String, self.code).length(20),
            Field::new(country, Kind::String, self.country).length(80),
            Field::new(latitude, Kind::Double, self.latitude).digits(18, 15),
            Field::new(longitude, Kind::Double, self.longitude).digits(18, 15),
            Field::new(accuracy, Kind::Picklist, |_, _| Value::Null).values(ACCURACY),
        ];
        fields = fields
            .into_iter()
            .map(|field| field.part_of(self.compound))
            .collect();
        fields.push(Field::new(self.compound, Kind::Address, self.whole).read_only());
        fields
    }
}

/// Builds the compound of an address from its parts.
fn compound(parts: [Value; 7]) -> Value {
    let [street, city, state, code, country, latitude, longitude] = parts;
    if [&street, &city, &country]
        .into_iter()
        .all(|part| *part == Value::Null)
    {
        return Value::Null;
    }
    Value::Compound(vec![
        ("city", city),
        ("country", country),
        ("geocodeAccuracy", Value::Null),
        ("latitude", latitude),
        ("longitude", longitude),
        ("postalCode", code),
        ("state", state),
        ("street", street),
    ])
}

const CITIES: &[&str] = &[
    "Madrid",
    "Zürich",
    "São Paulo",
    "Austin",
    "İzmir",
    "Kraków",
    "Osaka",
    "Lyon",
];
const COUNTRIES: &[&str] = &[
    "Spain",
    "Switzerland",
    "Brazil",
    "United States",
    "Türkiye",
    "Poland",
    "Japan",
    "France",
];
const STREETS: &[&str] = &[
    "1 Main Street",
    "Calle Mayor 5\n2º izq.",
    "Bahnhofstrasse 7",
    "Rua da Paz, 12",
    "5 O'Connell St",
];

fn street(world: &World, row: usize) -> Value {
    maybe(world, "street", row, 12, STREETS)
}

fn city(world: &World, row: usize) -> Value {
    Value::Text(pick(world, "place", row, CITIES).into())
}

fn state(world: &World, row: usize) -> Value {
    maybe(world, "state", row, 60, &["TX", "SP", "CA", "ZH"])
}

fn postal_code(world: &World, row: usize) -> Value {
    Value::text(format!("{:05}", whole(world, "postal code", row, 100_000)))
}

fn country(world: &World, row: usize) -> Value {
    Value::Text(pick(world, "place", row, COUNTRIES).into())
}

fn latitude(world: &World, row: usize) -> Value {
    if chance(world, "geocoded", row, 50) {
        Value::Number(amount(world, "latitude", row, 180) - 90.0)
    } else {
        Value::Null
    }
}

fn longitude(world: &World, row: usize) -> Value {
    if chance(world, "geocoded", row, 50) {
        Value::Number(amount(world, "longitude", row, 360) - 180.0)
    } else {
        Value::Null
    }
}

fn whole_address(world: &World, row: usize) -> Value {
    compound([
        street(world, row),
        city(world, row),
        state(world, row),
        postal_code(world, row),
        country(world, row),
        latitude(world, row),
        longitude(world, row),
    ])
}

/// The names of the parts of an address with this prefix, as `concat!` can't be used on a variable.
macro_rules! address_names {
    ($prefix:literal) => {
        [
            concat!($prefix, "Street"),
            concat!($prefix, "City"),
            concat!($prefix, "State"),
            concat!($prefix, "PostalCode"),
            concat!($prefix, "Country"),
            concat!($prefix, "Latitude"),
            concat!($prefix, "Longitude"),
            concat!($prefix, "GeocodeAccuracy"),
        ]
    };
}
use address_names;

/// A filled-in address.
fn address(names: [&'static str; 8], compound: &'static str) -> Vec<Field> {
    Address {
        names,
        compound,
        street,
        city,
        state,
        code: postal_code,
        country,
        latitude,
        longitude,
        whole: whole_address,
    }
    .fields()
}

/// An address that nobody fills in.
fn empty_address(names: [&'static str; 8], compound: &'static str) -> Vec<Field> {
    let none: Cell = |_, _| Value::Null;
    Address {
        names,
        compound,
        street: none,
        city: none,
        state: none,
        code: none,
        country: none,
        latitude: none,
        longitude: none,
        whole: none,
    }
    .fields()
}

/// A telephone number, null for one row in five.
fn phone(world: &World, what: &str, row: usize) -> Value {
    if chance(world, what, row, 20) {
        return Value::Null;
    }
    let number = whole(world, what, row, 10_000_000);
    Value::text(format!("+34 91 {number:07}"))
}

/// Long text with line breaks, quotes and non-Latin letters; null for three rows in ten.
fn long_text(world: &World, what: &str, row: usize) -> Value {
    match below(world.noise(what, row), 40) {
        0..12 => Value::Null,
        12 => Value::text("She said \"50 % off_all\" \\ C:\\temp\r\nнова строка 🚀\ttab ".repeat(60)),
        13 => Value::text("' OR Name != '"),
        n => Value::text(format!(
            "Note {n} about row {row}.\nSecond line, with a comma; and a caret ^."
        )),
    }
}
