from django import template

from accounts.sessions import device_name

register = template.Library()
register.filter("device_name", device_name)
