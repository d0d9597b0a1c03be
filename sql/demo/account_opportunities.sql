SELECT a.name, o.name AS opportunity, o.stagename, o.amount, o.closedate
FROM   servicenow.customer_account a
JOIN   salesforce.opportunity o ON o.accountid = a.u_salesforce_account_id
WHERE  a.name = 'Boxeo' AND NOT o.isclosed
ORDER  BY o.closedate;
