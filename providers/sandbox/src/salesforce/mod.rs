//! The practice Salesforce org.
