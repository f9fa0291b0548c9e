"""How people sign in: account and OpenID Connect adapters, second factors, the trail of sign-ins.

Uses audit, workspaces, web and models.
"""
