-- An account of ServiceNow with what both systems know of it, joined on the Salesforce id that it carries.
-- A schema stands for a source of that kind; with several, an account is there once for each Salesforce source.
-- Only the tables of the columns that a query uses are read.
SELECT 'servicenow' AS source, 'salesforce' AS crm, a.sys_id, a.name, a.u_salesforce_account_id AS salesforce_id,
       coalesce(p.contacts, 0) AS contacts,
       coalesce(o.open_opportunities, 0) AS open_opportunities, o.open_amount,
       coalesce(s.open_salesforce_cases, 0) AS open_salesforce_cases,
       coalesce(k.open_cases, 0) AS open_cases,
       coalesce(i.open_incidents, 0) AS open_incidents,
       a.record_url
FROM   servicenow.customer_account a
LEFT   JOIN (SELECT accountid, count(*) AS contacts
             FROM salesforce.contact GROUP BY accountid) p ON p.accountid = a.u_salesforce_account_id
LEFT   JOIN (SELECT accountid, count(*) AS open_opportunities, sum(amount) AS open_amount
             FROM salesforce.opportunity WHERE NOT isclosed GROUP BY accountid) o ON o.accountid = a.u_salesforce_account_id
LEFT   JOIN (SELECT accountid, count(*) AS open_salesforce_cases
             FROM salesforce."case" WHERE NOT isclosed GROUP BY accountid) s ON s.accountid = a.u_salesforce_account_id
LEFT   JOIN (SELECT account, count(*) AS open_cases
             FROM servicenow.sn_customerservice_case WHERE active GROUP BY account) k ON k.account = a.sys_id
LEFT   JOIN (SELECT company, count(*) AS open_incidents
             FROM servicenow.incident WHERE active GROUP BY company) i ON i.company = a.sys_id
