-- Open opportunities of every Salesforce source, with the names of their account and owner.
-- A schema stands for every source of that kind, and the text of its name for the name of that source.
SELECT 'salesforce' AS source, o.id, o.name, o.accountid AS account_id, a.name AS account, o.stagename AS stage, o.amount,
       o.probability, o.closedate AS close_date, u.name AS owner, o.ownerid AS owner_id, o.record_url
FROM   salesforce.opportunity o
LEFT   JOIN salesforce.account a ON a.id = o.accountid
LEFT   JOIN salesforce.user u ON u.id = o.ownerid
WHERE  NOT o.isclosed
