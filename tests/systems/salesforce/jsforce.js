// jsforce's own words to an org; prints what came back as JSON.
const { Connection } = require('jsforce');
const [instanceUrl, accessToken] = process.argv.slice(2);
const org = new Connection({ instanceUrl, accessToken, version: '61.0' });
(async () => {
  const said = {};
  const one = await org.sobject('Account').create({ Name: 'Firm 1', BillingCity: 'Berlin' });
  const more = await org.sobject('Account').create([{ Name: 'Firm 2' }, { Phone: '1' }, { Name: 'Firm 3' }]);
  said.created = more.map((each) => each.success);
  said.refused = more[1].errors[0].statusCode;
  const phones = [one.id, more[0].id].map((Id) => ({ Id, Phone: '+49 30 1' }));
  said.updated = (await org.sobject('Account').update(phones)).map((each) => each.success);
  said.upserted = (await org.sobject('Account').upsert([{ Concord_Id__c: 'C-4', Name: 'Firm 4' }], 'Concord_Id__c')).map((each) => each.created);
  said.again = (await org.sobject('Account').upsert({ Concord_Id__c: 'C-4', Name: 'Firm Four' }, 'Concord_Id__c')).created;
  const both = await org.sobject('Account').retrieve([one.id, '001000000000000AAA'], { fields: ['Name'] });
  said.retrieved = both.map((each) => each && each.Name);
  said.city = (await org.sobject('Account').retrieve(one.id)).BillingAddress.city;
  const first = await org.query("SELECT Id, Name FROM Account ORDER BY Name");
  const second = await org.queryMore(first.nextRecordsUrl);
  said.pages = [first.done, second.done, [...first.records, ...second.records].map((each) => each.Name)];
  said.found = (await org.sobject('Account').find({ Name: { $in: ['Firm 2', 'firm 3'] }, Phone: null }, ['Name'])).map((each) => each.Name);
  said.deleted = (await org.sobject('Account').destroy([one.id, more[0].id])).map((each) => each.success);
  said.binned = (await org.query('SELECT Name FROM Account WHERE IsDeleted = true', { scanAll: true })).totalSize;
  said.error = await org.query('SELECT Nmae FROM Account').catch((error) => error.errorCode);
  said.prefix = (await org.sobject('Opportunity').describe()).keyPrefix;
  said.usage = org.limitInfo.apiUsage.limit;
  console.log(JSON.stringify(said));
})().catch((error) => { console.error(error); process.exit(1); });
