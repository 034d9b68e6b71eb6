"""A suite of CKAN plugins that make the access desk ("guichet") to the
environmental data of a French ministry.
"""
