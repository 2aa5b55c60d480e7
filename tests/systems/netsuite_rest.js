// What the npm client `netsuite-rest` does at a NetSuite account. Arguments: URL, token-based credentials as JSON.
const NetSuite = require("netsuite-rest");

const [url, tba] = [process.argv[2], JSON.parse(process.argv[3])];
const options = {consumer_key: tba.consumer_key, consumer_secret_key: tba.consumer_secret, token: tba.token_id, token_secret: tba.token_secret,
                 realm: tba.account, base_url: url};
const client = new NetSuite(options);
const thief = new NetSuite({...options, token_secret: "guessed"});
const query = async (q, page = "") => (await client.request({path: `query/v1/suiteql${page}`, method: "POST", body: JSON.stringify({q})})).data;
const refusal = (promise) => promise.then(() => null, (failure) => failure.response.statusCode);

(async () => {
  const body = JSON.stringify({companyName: "Node & Söhne", subsidiary: {id: "2"}, isInactive: false, externalId: "N-1"});
  await client.request({path: "record/v1/customer", method: "POST", body});
  const place = "record/v1/customer/eid:N-1"; // the client loses the headers of answers, and Location with them
  await client.request({path: place, method: "PATCH", body: JSON.stringify({phone: "+49 30 5", terms: {id: "2"}})});
  const record = (await client.request({path: place})).data;
  const page = await query("SELECT id, companyName FROM customer ORDER BY id", "?limit=2&offset=2");
  const items = (await query("SELECT phone, isInactive, lastModifiedDate, url FROM customer WHERE companyName = 'Node & Söhne'")).items;
  const twin = await refusal(client.request({path: "record/v1/customer", method: "POST", body}));
  const wrong = await refusal(query("SELECT nothing FROM customer"));
  const forged = await refusal(thief.request({path: place}));
  console.log(JSON.stringify({record, page, items, twin, wrong, forged}));
})();
