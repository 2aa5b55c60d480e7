# What REST cannot do: load the default data, switch REST on, and add the custom fields that the connector reads. Prints the API key.
Redmine::DefaultData::Loader.load('en')
Setting.rest_api_enabled = '1'
[[ProjectCustomField, 'Concord Id'], [ProjectCustomField, 'Project Number'],
 [UserCustomField, 'Employee Number']].each do |kind, name|
  kind.create!(name: name, field_format: 'string', visible: true, editable: true, is_filter: true)
end
admin = User.find_by!(login: 'admin')
admin.update!(must_change_passwd: false)
puts "api key #{admin.api_key}"
