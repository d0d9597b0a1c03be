//! The practice ServiceNow instance.
