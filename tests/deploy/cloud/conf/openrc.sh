# As Horizon writes it, but with the password.
export OS_AUTH_URL=$keystone/v3
export OS_IDENTITY_API_VERSION=3
export OS_REGION_NAME=RegionOne
export OS_USERNAME=$user
export OS_PASSWORD=$password
export OS_PROJECT_NAME=$user
export OS_USER_DOMAIN_NAME=Default
export OS_PROJECT_DOMAIN_NAME=Default
