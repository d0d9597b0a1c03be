use std::path::Path;

use causeway_core::Origin;
use serde_json::{Value, json};

use super::*;

fn table(fields: Value) -> Table {
    named("Thing__c", fields)
}

fn named(name: &str, fields: Value) -> Table {
    let describe = json!({"name": name, "label": "Thing", "queryable": true, "fields": fields, "childRelationships": null});
    serde_json::from_value::<ObjectDescribe>(describe)
        .expect("a describe")
        .into_table(&Arc::from("sf"), "https://acme.my.salesforce.com")
        .expect("an object with an id")
}

fn id() -> Value {
    json!({"name": "Id", "type": "id", "length": 18, "filterable": true})
}

#[test]
fn every_type_has_its_sql_type_and_compound_fields_leave_only_their_parts() {
    let kinds = [
        ("boolean", ColumnType::Boolean),
        ("int", ColumnType::Int64),
        ("long", ColumnType::Int64),
        ("double", ColumnType::Float64),
        ("percent", ColumnType::Float64),
        ("currency", ColumnType::Float64),
        ("date", ColumnType::Date),
        ("datetime", ColumnType::Timestamp),
        ("time", ColumnType::Time),
        ("base64", ColumnType::Text),
        ("picklist", ColumnType::Text),
        ("quantumstate", ColumnType::Text),
    ];
    let mut fields = vec![
        id(),
        json!({"name": "Site", "type": "address"}),
        json!({"name": "Place", "type": "location"}),
    ];
    fields.extend(
        kinds
            .iter()
            .map(|(kind, _)| json!({"name": format!("F_{kind}"), "type": kind})),
    );
    let table = table(Value::Array(fields));
    let types: Vec<ColumnType> = table.columns.iter().map(|column| column.ty).collect();
    let mut wanted = vec![ColumnType::Text];
    wanted.extend(kinds.iter().map(|(_, ty)| *ty));
    wanted.push(ColumnType::Text);
    assert_eq!(types, wanted);
    let last = table.columns.last().unwrap();
    assert_eq!(
        (last.name.as_str(), &last.origin),
        ("record_url", &Origin::RecordUrl)
    );
    assert_eq!(table.url_template, "https://acme.my.salesforce.com/{key}");
    assert_eq!(
        (table.name.name.as_str(), table.key, table.domain),
        ("thing__c", vec![0], None)
    );
}

#[test]
fn flags_and_relationships_are_those_of_the_field() {
    let table = table(json!([id(), {
        "name": "Owner__c", "label": "Owner", "type": "reference", "length": 18, "filterable": true, "sortable": true, "groupable": true,
        "aggregatable": true, "unique": null, "caseSensitive": true, "calculated": null,
        "referenceTo": ["User", "Group"], "relationshipName": "Owner__r", "brandNewKey": {"a": 1}
    }]));
    let (_, owner) = table.column("owner__c").unwrap();
    assert!(
        owner.filterable && owner.sortable && owner.groupable && owner.aggregatable && owner.case_sensitive
    );
    assert!(!owner.unique && !owner.calculated);
    assert_eq!(
        (owner.label.as_str(), owner.remote_type.as_str()),
        ("Owner", "reference")
    );
    assert_eq!(owner.references, ["User", "Group"]);
    assert_eq!(owner.relationship.as_deref(), Some("Owner__r"));
}

#[test]
fn numbers_keep_their_digits_and_several_currencies_are_marked() {
    let amount = json!({"name": "Amount", "type": "currency", "precision": 18, "scale": 2});
    let one = table(json!([id(), amount]));
    assert_eq!(one.columns[1].remote_type, "currency(18,2)");
    let several = table(json!([id(), amount, {"name": "CurrencyIsoCode", "type": "picklist"}]));
    assert_eq!(several.columns[1].remote_type, "multicurrency(18,2)");
}

#[test]
fn a_reference_without_a_record_id_is_marked() {
    let table = table(json!([id(),
        {"name": "A", "type": "reference", "length": 255},
        {"name": "B", "type": "reference", "length": 18, "referenceTargetField": "Key__c"},
        {"name": "C", "type": "reference", "length": 18}]));
    let types: Vec<&str> = table
        .columns
        .iter()
        .map(|column| column.remote_type.as_str())
        .collect();
    assert_eq!(
        types,
        ["id", "indirectreference", "indirectreference", "reference", ""]
    );
}

#[test]
fn formulas_over_parents_are_not_filtered_on() {
    for (formula, filterable) in [
        ("Amount__c * 1.5", true),
        ("\"see Account.Name\" & 'a.b'", true),
        ("IF(Rate__c > .5, 1, 2.)", true),
        ("Account.Name", false),
        ("\"x\" & Owner__r.Id", false),
        ("$User.Id", false),
    ] {
        let field = json!({"name": "F", "type": "string", "filterable": true, "calculated": true, "calculatedFormula": formula});
        assert_eq!(
            table(json!([id(), field])).columns[1].filterable,
            filterable,
            "{formula}"
        );
    }
}

#[test]
fn names_that_differ_only_in_case_are_numbered() {
    let table = table(
        json!([id(), {"name": "Code__c", "type": "string"}, {"name": "code__C", "type": "string"}, {"name": "Record_Url", "type": "string"}]),
    );
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(
        names,
        ["id", "code__c", "code__c_2", "record_url", "record_url_2"]
    );
}

#[test]
fn objects_that_demand_a_filter_say_which() {
    let reason = |name| named(name, json!([id()])).required_filter;
    assert!(reason("ContentDocumentLink").is_some_and(|reason| reason.contains("linkedentityid")));
    assert!(reason("Audit__b").is_some_and(|reason| reason.contains("index")));
    assert_eq!(reason("Account"), None);
}

#[test]
fn values_of_types_that_nobody_knows_keep_their_json() {
    let syntax_of = |kind: &str| syntax(&Column::field("F", column_type(kind), kind));
    assert_eq!(syntax_of("quantumstate"), Syntax::Json);
    assert_eq!(syntax_of("anyType"), Syntax::Json);
    assert_eq!(syntax_of("string"), Syntax::Text);
    assert_eq!(syntax_of("datetime"), Syntax::Timestamp);
}

/// Runs over recorded describes of real orgs, where that folder is at hand.
#[test]
fn recorded_describes_map_without_loss() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/payloads/salesforce");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: no recorded payloads at hand");
        return;
    };
    let mut seen = 0;
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with("describe_") || name.starts_with("describe_global") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let raw: Value = serde_json::from_str(&text).unwrap();
        let describe: ObjectDescribe = serde_json::from_str(&text).expect("a recorded describe");
        let table = describe
            .into_table(&Arc::from("sf"), "https://x")
            .expect("a table");
        let fields = raw["fields"].as_array().unwrap();
        let compound = |field: &&Value| matches!(field["type"].as_str(), Some("address" | "location"));
        assert_eq!(
            table.columns.len(),
            fields.len() - fields.iter().filter(compound).count() + 1,
            "{name}"
        );
        for field in fields.iter().filter(|field| !compound(field)) {
            let api_name = field["name"].as_str().unwrap();
            let (_, column) = table.column(&api_name.to_lowercase()).expect(api_name);
            let wanted = match field["soapType"].as_str().unwrap() {
                "xsd:boolean" => ColumnType::Boolean,
                "xsd:int" | "xsd:long" => ColumnType::Int64,
                "xsd:double" => ColumnType::Float64,
                "xsd:date" => ColumnType::Date,
                "xsd:dateTime" => ColumnType::Timestamp,
                "xsd:time" => ColumnType::Time,
                _ => ColumnType::Text,
            };
            assert_eq!(column.ty, wanted, "{name} {api_name}");
            assert_eq!(column.remote_field(), Some(api_name));
            assert_eq!(column.sortable, field["sortable"], "{name} {api_name}");
        }
        seen += 1;
    }
    assert!(seen >= 6, "{seen} describes in {}", folder.display());
    println!("{seen} recorded describes");
}
