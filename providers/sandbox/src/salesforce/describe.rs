//! Describe answers, global and of one object.
//!
//! Owns: the JSON of both. Source: recorded describes of real orgs, whose 57 keys per field are all here.

use serde_json::{Map, Value as Json, json};

use super::schema::{Catalog, Field, Kind, Object};
use super::switches::Semantics;
use super::value::Id;

/// The answer to `GET /sobjects`.
pub(super) fn global(catalog: &Catalog, base: &str) -> Json {
    let objects: Vec<Json> = catalog
        .objects
        .iter()
        .map(|object| Json::Object(flags(object, base)))
        .collect();
    json!({ "encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects })
}

/// What global and single describe say about an object.
fn flags(object: &Object, base: &str) -> Map<String, Json> {
    let plain = !matches!(object.name, "RecordType" | "Group" | "User");
    let bools = [
        ("activateable", false),
        ("createable", true),
        ("custom", object.custom()),
        ("customSetting", false),
        ("deepCloneable", false),
        ("deletable", plain),
        ("deprecatedAndHidden", false),
        ("feedEnabled", plain),
        ("hasSubtypes", false),
        ("isInterface", false),
        ("isSubtype", false),
        ("layoutable", plain),
        ("mergeable", matches!(object.name, "Account" | "Contact" | "Lead")),
        ("mruEnabled", plain),
        ("queryable", true),
        ("replicateable", true),
        ("retrieveable", true),
        ("searchable", plain),
        ("triggerable", plain),
        ("undeletable", plain),
        ("updateable", true),
    ];
    let mut map: Map<String, Json> = bools
        .into_iter()
        .map(|(key, value)| (key.to_owned(), Json::Bool(value)))
        .collect();
    let own = format!("{base}/sobjects/{}", object.name);
    for (key, value) in [
        ("associateEntityType", Json::Null),
        ("associateParentEntity", Json::Null),
        ("keyPrefix", json!(object.prefix)),
        ("label", json!(object.label)),
        ("labelPlural", json!(object.plural)),
        ("name", json!(object.name)),
        (
            "urls",
            json!({
                "compactLayouts": format!("{own}/describe/compactLayouts"),
                "describe": format!("{own}/describe"),
                "layouts": format!("{own}/describe/layouts"),
                "rowTemplate": format!("{own}/{{ID}}"),
                "sobject": own,
            }),
        ),
    ] {
        map.insert(key.to_owned(), value);
    }
    map
}

/// The answer to `GET /sobjects/{X}/describe` for one user.
pub(super) fn object(
    catalog: &Catalog,
    object: &Object,
    semantics: &Semantics,
    user: &str,
    base: &str,
) -> Json {
    let mut map = flags(object, base);
    let fields: Vec<Json> = object.visible_fields(semantics, user).iter().map(field).collect();
    for (key, value) in [
        ("actionOverrides", json!([])),
        ("childRelationships", children(catalog, object)),
        ("compactLayoutable", json!(true)),
        ("defaultImplementation", Json::Null),
        ("extendedBy", Json::Null),
        ("extendsInterfaces", Json::Null),
        ("fields", Json::Array(fields)),
        ("implementedBy", Json::Null),
        ("implementsInterfaces", Json::Null),
        ("listviewable", Json::Null),
        ("lookupLayoutable", Json::Null),
        ("namedLayoutInfos", json!([])),
        ("networkScopeFieldName", Json::Null),
        ("recordTypeInfos", record_types(object, base)),
        ("searchLayoutable", json!(true)),
        (
            "supportedScopes",
            json!([{ "label": format!("All {}", object.plural), "name": "everything" }]),
        ),
    ] {
        map.insert(key.to_owned(), value);
    }
    Json::Object(map)
}

fn record_types(object: &Object, base: &str) -> Json {
    let own = format!("{base}/sobjects/{}/describe/layouts", object.name);
    let info = |name: &str, id: &str, master: bool| {
        json!({
            "active": true,
            "available": true,
            "defaultRecordTypeMapping": !master,
            "developerName": name,
            "master": master,
            "name": name,
            "recordTypeId": id,
            "urls": { "layout": format!("{own}/{id}") },
        })
    };
    let mut infos = Vec::new();
    if object.name == "Account" {
        infos.push(info("Business", Id::new("012", 0).as_str(), false));
        infos.push(info("Household", Id::new("012", 1).as_str(), false));
    }
    infos.push(info("Master", "012000000000000AAA", true));
    Json::Array(infos)
}

fn children(catalog: &Catalog, parent: &Object) -> Json {
    let relationships = catalog.objects.iter().flat_map(|child| {
        child
            .fields
            .iter()
            .filter(|field| field.reference_to.contains(&parent.name))
            .map(|field| {
                json!({
                    "cascadeDelete": false,
                    "childSObject": child.name,
                    "deprecatedAndHidden": false,
                    "field": field.name,
                    "junctionIdListNames": [],
                    "junctionReferenceTo": [],
                    "relationshipName": field.children,
                    "restrictedDelete": false,
                })
            })
    });
    Json::Array(relationships.collect())
}

/// The 57 keys of a field.
fn field(field: &Field) -> Json {
    let mut map = booleans(field);
    let (kind, soap) = field.kind.names();
    let text = |value: Option<&str>| value.map_or(Json::Null, |value| json!(value));
    let default = if field.kind == Kind::Boolean {
        json!(false)
    } else {
        Json::Null
    };
    for (key, value) in [
        (
            "byteLength",
            json!(if field.kind == Kind::Id || field.kind == Kind::Reference {
                18
            } else {
                field.length * 3
            }),
        ),
        ("calculatedFormula", text(field.formula)),
        ("compoundFieldName", text(field.compound)),
        ("controllerName", Json::Null),
        ("defaultValue", default),
        ("defaultValueFormula", Json::Null),
        (
            "digits",
            json!(if matches!(field.kind, Kind::Int | Kind::Long) {
                8
            } else {
                0
            }),
        ),
        ("extraTypeInfo", text(field.extra_type_info)),
        ("filteredLookupInfo", Json::Null),
        ("inlineHelpText", Json::Null),
        ("label", json!(field.label)),
        ("length", json!(field.length)),
        ("mask", if field.encrypted { json!("*") } else { Json::Null }),
        (
            "maskType",
            if field.encrypted { json!("all") } else { Json::Null },
        ),
        ("name", json!(field.name)),
        ("picklistValues", picklist(field)),
        ("precision", json!(field.precision)),
        ("referenceTargetField", Json::Null),
        ("referenceTo", json!(field.reference_to)),
        ("relationshipName", text(field.relationship)),
        ("relationshipOrder", Json::Null),
        ("scale", json!(field.scale)),
        ("soapType", json!(soap)),
        ("type", json!(kind)),
    ] {
        map.insert(key.to_owned(), value);
    }
    Json::Object(map)
}

fn booleans(field: &Field) -> Map<String, Json> {
    [
        ("aggregatable", field.aggregatable),
        ("aiPredictionField", false),
        ("autoNumber", field.auto_number),
        ("calculated", field.formula.is_some()),
        ("cascadeDelete", false),
        ("caseSensitive", field.case_sensitive),
        ("createable", field.updateable),
        ("custom", field.custom()),
        (
            "defaultedOnCreate",
            field.kind == Kind::Boolean || !field.updateable,
        ),
        ("dependentPicklist", false),
        ("deprecatedAndHidden", false),
        ("displayLocationInDecimal", field.kind == Kind::Location),
        ("encrypted", field.encrypted),
        ("externalId", field.external_id),
        ("filterable", field.filterable),
        ("formulaTreatNullNumberAsZero", field.formula.is_some()),
        ("groupable", field.groupable),
        ("highScaleNumber", false),
        ("htmlFormatted", field.extra_type_info == Some("richtextarea")),
        ("idLookup", field.kind == Kind::Id || field.external_id),
        ("nameField", field.name_field),
        ("namePointing", field.polymorphic()),
        ("nillable", field.nillable),
        ("permissionable", field.nillable && field.kind != Kind::Id),
        ("polymorphicForeignKey", field.polymorphic()),
        (
            "queryByDistance",
            field.kind == Kind::Location || field.kind == Kind::Address,
        ),
        ("restrictedDelete", false),
        ("restrictedPicklist", false),
        ("searchPrefilterable", false),
        ("sortable", field.sortable),
        ("unique", field.unique),
        ("updateable", field.updateable),
        ("writeRequiresMasterRead", false),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), Json::Bool(value)))
    .collect()
}

fn picklist(field: &Field) -> Json {
    let values = field
        .picklist
        .iter()
        .map(|value| json!({ "active": true, "defaultValue": false, "label": value, "validFor": null, "value": value }));
    Json::Array(values.collect())
}

#[cfg(test)]
mod tests {
    use super::super::data;
    use super::*;
    use crate::world::World;

    #[test]
    fn every_field_has_the_57_recorded_keys() {
        let catalog = data::catalog(&World::new(1, 1));
        let answer = object(
            &catalog,
            catalog.object("account").unwrap(),
            &Semantics::default(),
            "u",
            "/b",
        );
        for field in answer["fields"].as_array().unwrap() {
            assert_eq!(field.as_object().unwrap().len(), 57, "{field}");
        }
    }

    #[test]
    fn hidden_fields_are_not_described() {
        let catalog = data::catalog(&World::new(1, 1));
        let semantics = Semantics {
            hidden_fields: vec![super::super::HiddenField {
                user: "ana".to_owned(),
                object: "Opportunity".to_owned(),
                field: "Amount".to_owned(),
            }],
            ..Semantics::default()
        };
        let names = |user: &str| -> Vec<String> {
            let answer = object(
                &catalog,
                catalog.object("Opportunity").unwrap(),
                &semantics,
                user,
                "/b",
            );
            answer["fields"]
                .as_array()
                .unwrap()
                .iter()
                .map(|field| field["name"].as_str().unwrap().to_owned())
                .collect()
        };
        assert!(!names("ana").contains(&"Amount".to_owned()));
        assert!(names("bruno").contains(&"Amount".to_owned()));
    }

    #[test]
    fn references_lead_to_objects_of_the_org() {
        let catalog = data::catalog(&World::new(1, 1));
        for object in &catalog.objects {
            for target in object.fields.iter().flat_map(|field| field.reference_to) {
                assert!(catalog.object(target).is_some(), "{target}");
            }
            let prefixes = catalog
                .objects
                .iter()
                .filter(|other| other.prefix == object.prefix);
            assert_eq!(prefixes.count(), 1, "{}", object.prefix);
        }
    }
}
