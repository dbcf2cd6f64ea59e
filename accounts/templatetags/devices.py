from django import template

from accounts.sessions import device_name
from accounts.zones import city_of

register = template.Library()
register.filter("device_name", device_name)
register.filter("city_of", city_of)
