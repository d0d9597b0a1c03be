//! ServiceNow as a source, against the practice instance over real HTTP.

#[cfg(test)]
mod bench;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod pushdown;
#[cfg(test)]
mod scans;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod stats;
#[cfg(test)]
mod verification;
