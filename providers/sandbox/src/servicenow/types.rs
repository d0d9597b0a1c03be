//! The glide types: name, label, base scalar type and how the practice instance stores them.
//!
//! Owns: the rows of `sys_glide_object`. Source: "Field types", Australia, read 2026-06-25.

/// How values of a type are stored and compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Text under the collation.
    Text,
    /// Whole numbers.
    Integer,
    /// Numbers with a fixed scale.
    Decimal(u8),
    Boolean,
    /// UTC instants with a resolution of one second.
    DateTime,
    /// Wall time, not converted between zones.
    LocalDateTime,
    Date,
    /// A time on 1970-01-01.
    Time,
    /// An offset from 1970-01-01 00:00:00.
    Duration,
    Reference,
    /// Empty on the row; the text is kept elsewhere.
    Journal,
    Secret,
}

/// `(name, label, scalar_type, scalar_length, family)` of every known type.
pub(super) const TYPES: &[(&str, &str, &str, u32, Family)] = &[
    ("string", "String", "string", 40, Family::Text),
    ("char", "Char", "string", 32, Family::Text),
    ("multi_small", "Multiline Small Text Area", "string", 100, Family::Text),
    ("multi_two_lines", "Two Line Text Area", "string", 200, Family::Text),
    ("wide_text", "Wide Text", "string", 255, Family::Text),
    ("string_full_utf8", "String (Full UTF-8)", "string", 255, Family::Text),
    ("html", "HTML", "string", 65536, Family::Text),
    ("html_script", "HTML Script", "string", 65536, Family::Text),
    ("translated_text", "Translated Text", "string", 4000, Family::Text),
    ("translated_field", "Translated Field", "string", 40, Family::Text),
    ("translated_html", "Translated HTML", "string", 65536, Family::Text),
    ("wiki_text", "Wiki", "string", 65536, Family::Text),
    ("xml", "XML", "string", 4000, Family::Text),
    ("json", "JSON", "string", 8000, Family::Text),
    ("script", "Script", "string", 4000, Family::Text),
    ("script_plain", "Script (Plain)", "string", 4000, Family::Text),
    ("css", "CSS", "string", 4000, Family::Text),
    ("condition_string", "Condition String", "string", 4000, Family::Text),
    ("conditions", "Conditions", "string", 4000, Family::Text),
    ("template_value", "Template Value", "string", 4000, Family::Text),
    ("name_values", "Name/Values", "string", 4000, Family::Text),
    ("simple_name_values", "Name/Value Pairs", "string", 4000, Family::Text),
    ("properties", "Properties", "string", 4000, Family::Text),
    ("url", "URL", "string", 1024, Family::Text),
    ("email", "Email", "string", 100, Family::Text),
    ("ph_number", "Phone Number", "string", 40, Family::Text),
    ("phone_number_e164", "Phone Number (E164)", "string", 40, Family::Text),
    ("ip_addr", "IP Address", "string", 40, Family::Text),
    ("ip_address", "IP Address (Validated IPV4, IPV6)", "string", 40, Family::Text),
    ("table_name", "Table Name", "string", 80, Family::Text),
    ("field_name", "Field Name", "string", 80, Family::Text),
    ("sys_class_name", "System Class Name", "string", 80, Family::Text),
    ("domain_path", "Domain Path", "string", 255, Family::Text),
    ("tree_path", "Tree Path", "string", 255, Family::Text),
    ("version", "Version", "string", 40, Family::Text),
    ("color", "Color", "string", 40, Family::Text),
    ("icon", "Icon", "string", 40, Family::Text),
    ("workflow", "Workflow", "string", 80, Family::Text),
    ("user_input", "User Input", "string", 4000, Family::Text),
    ("glide_var", "Glide Var", "string", 40, Family::Text),
    ("variables", "Variables", "string", 40, Family::Text),
    ("short_table_name", "Table Name (Short)", "string", 32, Family::Text),
    ("short_field_name", "Field Name (Short)", "string", 32, Family::Text),
    ("composite_name", "Composite Name", "string", 300, Family::Text),
    ("composite_field", "Composite Field", "string", 300, Family::Text),
    ("language", "Language", "string", 40, Family::Text),
    ("internal_type", "Internal Type", "string", 40, Family::Text),
    ("choice", "Choice", "string", 40, Family::Text),
    ("radio", "Radio Button Choice", "string", 40, Family::Text),
    ("boolean", "True/False", "boolean", 40, Family::Boolean),
    ("integer", "Integer", "integer", 40, Family::Integer),
    ("int", "Integer String", "integer", 40, Family::Integer),
    ("order_index", "Order Index", "integer", 40, Family::Integer),
    ("day_of_week", "Day of Week", "integer", 40, Family::Integer),
    ("week_of_month", "Week of Month", "integer", 40, Family::Integer),
    ("month_of_year", "Month of Year", "integer", 40, Family::Integer),
    ("repeat_count", "Repeat Count", "integer", 40, Family::Integer),
    ("counter", "Counter", "integer", 40, Family::Integer),
    ("long", "Long", "longint", 40, Family::Integer),
    ("longint", "Long Integer String", "longint", 40, Family::Integer),
    ("auto_increment", "Auto Increment", "longint", 40, Family::Integer),
    ("metric_counter", "Metric Counter", "longint", 40, Family::Integer),
    ("metric_absolute", "Metric Absolute", "longint", 40, Family::Integer),
    ("timer", "Timer", "string", 40, Family::Text),
    ("integer_date", "Integer Date", "string", 40, Family::Text),
    ("integer_time", "Integer Time", "string", 40, Family::Text),
    ("decimal", "Decimal", "decimal", 15, Family::Decimal(2)),
    ("percent_complete", "Percent Complete", "decimal", 15, Family::Decimal(2)),
    ("float", "Floating Point Number", "float", 40, Family::Decimal(7)),
    ("currency", "Currency", "decimal", 20, Family::Decimal(4)),
    ("price", "Price", "decimal", 20, Family::Decimal(4)),
    ("currency2", "FX Currency", "string", 32, Family::Text),
    ("glide_date_time", "Date/Time", "datetime", 40, Family::DateTime),
    ("due_date", "Due Date", "datetime", 40, Family::DateTime),
    ("datetime", "Basic Date/Time", "datetime", 40, Family::DateTime),
    ("calendar_date_time", "Calendar Date/Time", "datetime", 40, Family::DateTime),
    ("insert_timestamp", "Insert Timestamp", "datetime", 40, Family::DateTime),
    ("schedule_date_time", "Schedule Date/Time", "string", 40, Family::Text),
    ("glide_precise_time", "Precise Time", "string", 40, Family::Text),
    ("date", "Other Date", "datetime", 40, Family::LocalDateTime),
    ("glide_date", "Date", "date", 40, Family::Date),
    ("glide_time", "Time", "datetime", 40, Family::Time),
    ("time", "Basic Time", "datetime", 40, Family::Time),
    ("glide_utc_time", "UTC Time", "datetime", 40, Family::Time),
    ("glide_duration", "Duration", "datetime", 40, Family::Duration),
    ("reference", "Reference", "GUID", 32, Family::Reference),
    ("document_id", "Document ID", "GUID", 32, Family::Text),
    ("domain_id", "Domain ID", "GUID", 32, Family::Reference),
    ("GUID", "Sys ID (GUID)", "GUID", 32, Family::Text),
    ("source_id", "Source ID", "string", 40, Family::Text),
    ("user_image", "Image", "string", 40, Family::Text),
    ("image", "Basic Image", "string", 40, Family::Text),
    ("file_attachment", "File Attachment", "string", 40, Family::Text),
    ("glide_list", "List", "string", 4000, Family::Text),
    ("slushbucket", "Slush Bucket", "string", 4000, Family::Text),
    ("user_roles", "User Roles", "string", 4000, Family::Text),
    ("field_list", "Field List", "string", 4000, Family::Text),
    ("days_of_weeks", "Days of Week", "string", 40, Family::Text),
    ("glide_action_list", "UI Action List", "string", 4000, Family::Text),
    ("journal", "Journal", "string", 4000, Family::Journal),
    ("journal_input", "Journal Input", "string", 4000, Family::Journal),
    ("journal_list", "Journal List", "string", 4000, Family::Journal),
    ("password", "Password (1 Way Encrypted)", "string", 255, Family::Secret),
    ("password2", "Password (2 Way Encrypted)", "string", 255, Family::Secret),
    ("glide_encrypted", "Encrypted Text", "string", 255, Family::Secret),
    ("compressed", "Compressed", "compressed", 65536, Family::Text),
    ("audio", "Audio", "string", 40, Family::Text),
    ("video", "Video", "string", 40, Family::Text),
    ("data_object", "Data Object", "string", 4000, Family::Text),
    ("data_array", "Data Array", "string", 4000, Family::Text),
    ("records", "Records", "string", 4000, Family::Text),
    ("snapshot_template_value", "Snapshot Template Value", "string", 4000, Family::Text),
    ("replication_payload", "Replication Payload", "string", 4000, Family::Text),
];

/// A type that no list knows: it appears in the dictionary, not in `sys_glide_object`.
pub(super) const FUTURE_TYPE: &str = "holographic_note";

/// How values of `internal_type` are stored; an unknown type is text.
pub(super) fn family(internal_type: &str) -> Family {
    TYPES
        .iter()
        .find(|row| row.0 == internal_type)
        .map_or(Family::Text, |row| row.4)
}
