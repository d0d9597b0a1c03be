SELECT count(*) AS accounts, min(name) AS first_account
FROM   servicenow.customer_account;
